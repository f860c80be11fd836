//! Weights alone, as a safetensors file.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use runner_weights::names::{Naming, Translation, published};
use safetensors::tensor::{Dtype, View, serialize};

use crate::array::{Array, Arrays, Values};
use crate::trained::json;
use crate::{Error, Trained};

/// The bytes of the file: equal weights have equal bytes.
///
/// # Errors
/// [`Error::Unnamed`] where whoever's names are asked for has no such network.
pub(crate) fn encode(trained: &Trained<'_>, names: Option<Naming>) -> Result<Vec<u8>, Error> {
    let named = names.map(|naming| renamed(trained, naming)).transpose()?;
    let arrays = named.as_ref().unwrap_or(trained.arrays);
    // One entry: the format keeps several in no order.
    let notes: BTreeMap<&str, String> = trained.notes().into_iter().collect();
    let metadata = HashMap::from([("runner_export".to_owned(), json(&notes))]);
    let views = arrays.iter().map(|(name, array)| (name, ArrayView(array)));
    Ok(serialize(views, Some(metadata)).expect("arrays have as many bytes as their shapes say"))
}

/// The weights under the names of another program.
fn renamed(trained: &Trained<'_>, naming: Naming) -> Result<Arrays, Error> {
    let model = &trained.experiment.model;
    let whose = match naming {
        Naming::Torchvision => "torchvision",
        Naming::Timm => "timm",
    };
    let refused = |why: &str| {
        Error::Unnamed(format!(
            "{whose} has no names for the parameters of this network: {why}\n\
             without --names they are those of PyTorch's Sequential"
        ))
    };
    let translation = Translation::of(&model.layers, naming)
        .ok_or_else(|| refused("it is neither a resnet18 nor a vgg11"))?;
    if published(model, trained.experiment.classes()).is_none() {
        let name: &str = translation.network.into();
        return Err(refused(&format!(
            "its layers are not those of the preset {name} for images of 64 pixels and more, in the usual width"
        )));
    }
    if naming == Naming::Torchvision && model.input[0] != 3 {
        return Err(refused("its networks take 3 channels"));
    }
    Ok(translation.to_theirs(trained.arrays))
}

struct ArrayView<'a>(&'a Array);

impl View for ArrayView<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.values {
            Values::F32(_) => Dtype::F32,
            Values::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.to_bytes())
    }

    fn data_len(&self) -> usize {
        match &self.0.values {
            Values::F32(values) => values.len() * 4,
            Values::I64(values) => values.len() * 8,
        }
    }
}
