//! Chooses the device that computes. The only file that names a backend.

use burn::tensor::Device;

use crate::config;
use crate::kernels::Level;

/// A device that is there and usable.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// What computes, without autodiff.
    pub device: Device,
    /// `flex`, `ndarray` or `cuda`.
    pub backend: &'static str,
    /// One line that says which device was chosen and why.
    pub reason: String,
}

/// A device that cannot be used: which, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("device \"{wanted}\" cannot be used: {why}\n{remedy}")]
pub struct Error {
    wanted: String,
    why: String,
    remedy: String,
}

/// Chooses the device that a config asks for. On the CPU it starts `threads` threads; `None` leaves their number
/// to Rayon, which takes `RAYON_NUM_THREADS` or one for each processor.
///
/// # Errors
/// Where the device cannot be used, or its threads cannot be started.
pub fn choose(wanted: config::Device, threads: Option<u16>) -> Result<Chosen, Error> {
    let mut chosen = choose_backend(wanted)?;
    if chosen.backend != "cuda" {
        let threads = start_threads(wanted, threads)?;
        let plural = if threads == 1 { "" } else { "s" };
        let level = Level::best().name();
        chosen.reason += &format!(", {threads} thread{plural}, {level}");
    }
    Ok(chosen)
}

/// Starts the threads that kernels and backends share; gives their number.
fn start_threads(wanted: config::Device, threads: Option<u16>) -> Result<usize, Error> {
    // Zero leaves it to Rayon: RAYON_NUM_THREADS, else one a processor.
    let number = threads.map_or(0, usize::from);
    let started = rayon::ThreadPoolBuilder::new()
        .num_threads(number)
        .build_global();
    match started {
        // An error without a source says that the threads are there already: the program trains again.
        Err(error) if std::error::Error::source(&error).is_some() => Err(Error {
            wanted: wanted.to_string(),
            why: format!("its threads cannot be started: {error}"),
            remedy: "choose fewer with --threads, or raise the limit on processes".to_owned(),
        }),
        _ => Ok(rayon::current_num_threads()),
    }
}

fn choose_backend(wanted: config::Device) -> Result<Chosen, Error> {
    match wanted {
        config::Device::Auto => match cuda(0) {
            Ok(device) => Ok(Chosen {
                device,
                backend: "cuda",
                reason: "cuda (auto: a CUDA device is available)".to_owned(),
            }),
            Err(why) => cpu(wanted, &format!(" (auto: {why})")),
        },
        config::Device::Cpu => cpu(wanted, ""),
        config::Device::Flex => flex().map(|device| Chosen {
            device,
            backend: "flex",
            reason: "flex".to_owned(),
        }),
        config::Device::Ndarray => ndarray().map(|device| Chosen {
            device,
            backend: "ndarray",
            reason: "ndarray (Burn recommends flex instead: several times faster)".to_owned(),
        }),
        config::Device::Cuda(index) => match cuda(index.unwrap_or(0).into()) {
            Ok(device) => Ok(Chosen {
                device,
                backend: "cuda",
                reason: wanted.to_string(),
            }),
            Err(why) => Err(Error {
                wanted: wanted.to_string(),
                why,
                remedy: "use device=cpu, or a build with --features cuda on a machine with a CUDA \
                         device"
                    .to_owned(),
            }),
        },
    }
}

/// Flex if it is compiled in, else ndarray.
fn cpu(wanted: config::Device, note: &str) -> Result<Chosen, Error> {
    let (device, backend) = match flex() {
        Ok(device) => (device, "flex"),
        Err(_) => (ndarray()?, "ndarray"),
    };
    let name = match wanted {
        config::Device::Auto => config::Device::Cpu,
        stated => stated,
    };
    Ok(Chosen {
        device,
        backend,
        reason: format!("{name}, backend {backend}{note}"),
    })
}

#[cfg(feature = "flex")]
fn flex() -> Result<Device, Error> {
    Ok(Device::flex())
}

#[cfg(not(feature = "flex"))]
fn flex() -> Result<Device, Error> {
    Err(not_compiled("flex"))
}

#[cfg(feature = "ndarray")]
fn ndarray() -> Result<Device, Error> {
    #[expect(
        deprecated,
        reason = "Burn prefers flex; users of ndarray may still choose it"
    )]
    Ok(Device::ndarray())
}

#[cfg(not(feature = "ndarray"))]
fn ndarray() -> Result<Device, Error> {
    Err(not_compiled("ndarray"))
}

#[cfg(not(all(feature = "flex", feature = "ndarray")))]
fn not_compiled(backend: &str) -> Error {
    Error {
        wanted: backend.to_owned(),
        why: "it is not compiled into this program".to_owned(),
        remedy: format!("build with --features {backend}, or use device=cpu"),
    }
}

/// Counts the CUDA devices before it uses one: Burn panics on a device that is not there.
#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Result<Device, String> {
    let found = Device::enumerate(burn::tensor::DeviceType::Cuda)
        .into_iter()
        .count();
    match found {
        0 => Err("no CUDA device or driver responds".to_owned()),
        _ if index < found => Ok(Device::cuda(index)),
        1 => Err(format!(
            "there is only one CUDA device, number 0, and no number {index}"
        )),
        _ => Err(format!("there are {found} CUDA devices, numbered from 0")),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> Result<Device, String> {
    Err("built without CUDA".to_owned())
}

/// The version of Burn this program is built on; Cargo.toml pins it.
pub const BURN_VERSION: &str = "0.22.1";

/// The instruction sets this processor has of those that kernels choose between.
pub fn cpu_features() -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let features: [(&str, bool); 0] = [];
    features
        .into_iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| name.to_owned())
        .collect()
}
