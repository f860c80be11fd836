//! A short experiment file that fits a set of images: the keys that people change, and what was chosen why.

use std::fmt::Write;

use crate::model::preset::Preset;

/// What is known of the images, and where the file will be.
#[derive(Debug, Clone)]
pub struct Starter {
    /// The file, as one types it in a command.
    pub file: String,
    /// The line that tells editors where the schema is.
    pub schema: Option<String>,
    /// The folder of the images, relative to the one that commands run in.
    pub data: String,
    /// What is there, in words.
    pub contents: String,
    /// Channels, height, width of what the network is given.
    pub input: [usize; 3],
    /// Why images are resized to that, if they are.
    pub resize: Option<String>,
    /// Whether there are images for evaluation, or some have to be taken from the others.
    pub has_evaluation: bool,
    /// For each class, its images that can be used, without those for evaluation and test.
    pub images: Vec<usize>,
    /// Images that cannot be used.
    pub broken: usize,
    /// The network.
    pub preset: Preset,
}

impl Starter {
    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.head(&mut text);
        self.data(&mut text);
        self.training(&mut text);
        self.model(&mut text);
        text
    }

    fn head(&self, text: &mut String) {
        if let Some(schema) = &self.schema {
            let _ = writeln!(text, "{schema}");
        }
        let _ = write!(
            text,
            "# Question: how well does {} classify these {} classes?\n\
             # Command:  runner run {}\n\
             # Data:     {}\n\
             # A key:    runner config explain training.epochs\n\
             # All keys: runner config new --all\n\
             seed = 1\n",
            self.preset(),
            self.images.len(),
            self.file,
            self.contents,
        );
    }

    fn data(&self, text: &mut String) {
        let path = toml::Value::String(self.data.clone());
        let [_, height, width] = self.input;
        let _ = write!(text, "\n[data]\npath = {path}\n");
        if !self.has_evaluation {
            let share = self.validation();
            let _ = writeln!(
                text,
                "validation = {share} # fraction of the images held out for evaluation\n\
                 stratify = true # the same fraction of every class"
            );
        }
        if let Some(reason) = &self.resize {
            let _ = writeln!(text, "# {reason}\nresize = [{height}, {width}]");
        }
        if self.broken > 0 {
            let count = self.broken;
            let _ = writeln!(
                text,
                "on_bad_image = \"skip\" # {count} cannot be used; `runner data inspect {}` lists them",
                self.data,
            );
        }
        text.push_str(
            "normalize = \"auto\" # to mean 0 and standard deviation 1 over the training images\n\
             # If mirror images are equally valid, more variety from the same images:\n\
             # augment = [{ random_crop = { padding = 4 } }, \"random_horizontal_flip\"]\n",
        );
    }

    fn training(&self, text: &mut String) {
        let (images, batch) = (self.training_images(), self.batch_size());
        let epochs = (STEPS / images.div_ceil(batch)).clamp(5, 30);
        let of_images = match images / 10 {
            0..LEAST_BATCH => format!("about {images} training images"),
            _ => format!("at most a tenth of about {images} training images"),
        };
        let rate = match self.preset {
            Preset::Resnet8 => "2e-3",
            Preset::Vgg11 => "3e-4",
            _ => "1e-3",
        };
        let _ = write!(
            text,
            "\n[training]\n\
             epochs = {epochs}\n\
             batch_size = {batch} # {of_images}\n\
             learning_rate = {rate}\n\
             \n\
             [optimizer.adamw]\n\
             weight_decay = 0.01\n\
             no_decay = [\"bias\", \"norm\"]\n\
             \n\
             [schedule]\n\
             by = \"step\"\n\
             warmup = 1.0 # epochs in which the learning rate rises\n\
             cosine = {{}} # then it falls to 0\n\
             \n\
             # Ends a run that stops improving:\n\
             # [early_stop]\n\
             # patience = 5 # epochs\n",
        );
        // With as many guesses as classes, the label is always among them.
        let classes = self.images.len();
        if classes <= DEFAULT_TOP_K {
            let top_k = if classes > 2 { 2 } else { 1 };
            let _ = write!(
                text,
                "\n[metrics]\n\
                 top_k = {top_k} # eval_top_k_accuracy; it must be below the {classes} classes\n"
            );
        }
    }

    fn model(&self, text: &mut String) {
        let [channels, height, width] = self.input;
        let _ = write!(
            text,
            "\n[model]\n\
             input = [{channels}, {height}, {width}] # channels, height, width\n\
             preset = \"{}\" # `runner config show {}` writes it out\n\
             classes = {}\n",
            self.preset(),
            self.file,
            self.images.len(),
        );
    }

    fn preset(&self) -> &'static str {
        self.preset.into()
    }

    /// Of few images a tenth is too few to say anything, or none at all.
    fn validation(&self) -> f64 {
        let images = self.images.iter().sum::<usize>();
        let classes = self.images.iter().copied().filter(|images| *images > 1);
        let (shares, class) = match images < 100 {
            true => (&SHARES[1..], classes.min()),
            false => (SHARES, classes.max()),
        };
        let is_enough = |share: &&f64| held_out(class.unwrap_or(0), **share) > 0;
        let share = shares.iter().find(is_enough).or(shares.last());
        *share.expect("there are shares")
    }

    fn training_images(&self) -> usize {
        let images = self.images.iter();
        match self.has_evaluation {
            true => images.sum(),
            false => {
                let share = self.validation();
                images.map(|images| images - held_out(*images, share)).sum()
            }
        }
    }

    /// The largest power of two that leaves ten steps to an epoch.
    fn batch_size(&self) -> usize {
        let images = self.training_images();
        let tenth = (images / 10).clamp(LEAST_BATCH, 128).min(images.max(1));
        1 << tenth.ilog2()
    }
}

/// How many images of a class are held out for evaluation, if each class gives its exact share.
fn held_out(images: usize, share: f64) -> usize {
    (images as f64 * share).round() as usize
}

/// The shares that evaluation may have.
const SHARES: &[f64] = &[0.1, 0.2, 0.3];

/// Smaller batches are too noisy, if there are as many images.
const LEAST_BATCH: usize = 4;

/// The default of `metrics.top_k`.
const DEFAULT_TOP_K: usize = 5;

/// The number of steps that a run should have, unless that means very few or very many epochs.
const STEPS: usize = 1500;
