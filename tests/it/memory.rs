//! The memory that a job may have: cgroups of both versions, `ulimit -v` and `ulimit -d`.

use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use runner::memory::{Available, Bound, available_in};

use crate::by_hand::experiment;
use crate::support::{Outcome, Sandbox, TINY};

const MIB: u64 = 1 << 20;

/// The files of a system in the sandbox, with 8 GiB of free memory.
fn system(sandbox: &Sandbox, files: &[(&str, &str)]) -> Option<Available> {
    let _ = fs::remove_dir_all(sandbox.path("system"));
    let machine = "MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n";
    sandbox.write("system/proc/meminfo", machine);
    for (path, text) in files {
        sandbox.write(&format!("system/{path}"), text);
    }
    available_in(&sandbox.path("system"))
}

const MOUNTS: &str = "\
    22 29 0:20 / /proc rw - proc proc rw\n\
    31 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

const OLD_MOUNTS: &str = "\
    33 30 0:28 / /sys/fs/cgroup/cpu rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n\
    34 30 0:29 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory\n";

// Seen red with the root's limit alone read, with the cache of files counted as used, and with the first line taken.
#[test]
fn the_tightest_limit_of_all_groups_counts_less_what_is_used() {
    let sandbox = Sandbox::new();
    let of = |files: &[(&str, &str)]| {
        let available = system(&sandbox, files).unwrap();
        (available.bytes / MIB, available.bound)
    };
    assert_eq!(of(&[]), (8192, Bound::Machine));
    let new = [
        ("proc/self/cgroup", "0::/slurm/job_7/step_0\n"),
        ("proc/self/mountinfo", MOUNTS),
        ("sys/fs/cgroup/slurm/job_7/memory.max", "1073741824\n"),
        ("sys/fs/cgroup/slurm/job_7/memory.current", "536870912\n"),
        (
            "sys/fs/cgroup/slurm/job_7/memory.stat",
            "anon 1\nactive_file 7\ninactive_file 104857600\n",
        ),
        ("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n"),
        ("sys/fs/cgroup/slurm/job_7/step_0/memory.current", "1\n"),
    ];
    assert_eq!(of(&new), (1024 - 512 + 100, Bound::Cgroup));
    // A process that is throttled from here on.
    let high = [
        ("sys/fs/cgroup/slurm/memory.high", "600000000\n"),
        ("sys/fs/cgroup/slurm/memory.current", "600000001\n"),
    ];
    assert_eq!(of(&[&new[..], &high].concat()), (0, Bound::Cgroup));
    let old = [
        (
            "proc/self/cgroup",
            "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n",
        ),
        ("proc/self/mountinfo", OLD_MOUNTS),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n"),
        (
            "sys/fs/cgroup/memory/memory.stat",
            "cache 5\ntotal_inactive_file 0\n",
        ),
    ];
    assert_eq!(of(&old), (1024, Bound::Cgroup));
    // No limit, as the first version writes it; and files that are not as they should be.
    let unlimited = (
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "9223372036854771712\n",
    );
    assert_eq!(
        of(&[&old[..], &[unlimited]].concat()),
        (8192, Bound::Machine)
    );
    let broken = ("proc/self/mountinfo", "31 22 0:26 / - cgroup2\n - \n31\n");
    assert_eq!(of(&[&new[..], &[broken]].concat()), (8192, Bound::Machine));
    let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                  Max data size             unlimited            unlimited            bytes     \n\
                  Max address space         2048000000           unlimited            bytes     \n";
    let status =
        "Name:\trunner\nVmPeak:\t  900000 kB\nVmSize:\t 1000000 kB\nVmData:\t  500000 kB\n";
    let process = [("proc/self/limits", limits), ("proc/self/status", status)];
    assert_eq!(
        of(&process),
        ((2048000000 - (1000000 << 10)) / MIB, Bound::AddressSpace)
    );
}

/// Runs a command with `ulimit -v`, in MiB.
fn limited(sandbox: &Sandbox, megabytes: u64, arguments: &[&str]) -> Outcome {
    let script = format!(
        "ulimit -v {}; exec {} \"$@\"",
        megabytes * 1024,
        env!("CARGO_BIN_EXE_runner")
    );
    let output = Command::new("sh")
        .args(["-c", &script, "sh"])
        .args(arguments)
        .current_dir(sandbox.path(""))
        .env("XDG_CACHE_HOME", sandbox.path("caches"))
        .output()
        .unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A list that has each of a few images so often that all of them take 750 MiB as the network sees them.
fn many_images(sandbox: &Sandbox) {
    sandbox
        .runner(&["data", "export", "data", "images"])
        .success();
    let files: Vec<String> = walk(sandbox, "images/train");
    let mut list = "path,label,split\n".to_owned();
    for index in 0..15_700 {
        let path = &files[index % files.len()];
        let label = path.split('/').nth(2).unwrap();
        let split = if index % 10 == 0 { "val" } else { "train" };
        writeln!(list, "{path},{label},{split}").unwrap();
    }
    sandbox.write("many.csv", list);
}

fn walk(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    for class in fs::read_dir(sandbox.path(folder)).unwrap() {
        let class = class.unwrap().file_name().into_string().unwrap();
        for file in fs::read_dir(sandbox.path(&format!("{folder}/{class}"))).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            files.push(format!("{folder}/{class}/{file}"));
        }
    }
    files.sort();
    files
}

const LARGE: [&str; 4] = [
    "data.path=many.csv",
    "data.resize=224",
    "model.input=[1,224,224]",
    "model.layers=['global_avg_pool','flatten',{linear={out_features=10}}]",
];

// Seen red, as an abort, with the machine's memory alone counted.
#[cfg(target_os = "linux")]
#[test]
fn images_beyond_the_limit_of_the_job_are_decoded_as_needed() {
    let sandbox = Sandbox::new();
    many_images(&sandbox);
    let check = [&["check", "tiny.toml", "--threads", "2"], &LARGE[..]].concat();
    limited(&sandbox, 800, &check)
        .success()
        .stdout_has(&["left of the limit on address space (ulimit -v)"]);
    // Someone said that there is more.
    let stated = [&check[..], &["data.memory_limit=4096", "data.cache=off"]].concat();
    limited(&sandbox, 800, &stated).success().stdout_has(&[
        "of memory for decoded images cannot be had",
        "data.memory_limit",
    ]);
}

// Seen red, as aborts, with the system's allocator.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_refused_is_an_error_and_no_abort() {
    let sandbox = Sandbox::new();
    // 1.2 GB of synthetic images, and as much of digits in the size of the network.
    let synthetic = [
        "data={synthetic={train_images=1500000,eval_images=10}}",
        "training.epochs=1",
    ];
    let run = |overrides: &[&str]| {
        let arguments = [&["run", "tiny.toml", "--threads", "2"], overrides].concat();
        limited(&sandbox, 800, &arguments)
    };
    run(&synthetic)
        .code(1)
        .stderr_has(&["error: out of memory", "ulimit -v"]);
    sandbox.cut_data("digits", 10_000, 5000);
    let digits = [
        &LARGE[1..],
        &[
            "data.path=digits",
            "data.resize=350",
            "model.input=[1,350,350]",
        ],
    ];
    run(&digits.concat()).code(1).stderr_has(&[
        "digits/train-images-idx3-ubyte",
        "MiB of memory cannot be had",
        "data export",
    ]);
    // A step that cannot fit is refused by what the job may have.
    let layers = "model.layers=[{conv2d={out_channels=1,kernel_size=3,padding=2000}},\
                  {max_pool2d={kernel_size=1000}},'flatten',{linear={out_features=10}}]";
    run(&[layers, "training.batch_size=10"])
        .code(2)
        .stderr_has(&[
            "left of the limit on address space (ulimit -v)",
            "batch_size",
        ]);
    assert!(!sandbox.path("experiments").exists());
}

// Seen red with a buffer that doubles: that asks for 512 MiB at once.
#[cfg(target_os = "linux")]
#[test]
fn a_large_archive_is_unpacked_into_a_buffer_of_its_size() {
    use std::io::Write as _;

    const IMAGES: u32 = 360_000;
    let sandbox = Sandbox::new();
    let zip = |name: &str, magic: u8, header: &[u32], piece: &[u8], times: u32| {
        let fast = flate2::Compression::fast();
        let mut file = flate2::write::GzEncoder::new(Vec::new(), fast);
        file.write_all(&[0, 0, 8, magic]).unwrap();
        for number in header {
            file.write_all(&number.to_be_bytes()).unwrap();
        }
        (0..times).for_each(|_| file.write_all(piece).unwrap());
        sandbox.write(&format!("large/{name}.gz"), file.finish().unwrap());
    };
    let images: Vec<u8> = (0..10 * 28 * 28).map(|at| (at / 784) as u8).collect();
    let labels: Vec<u8> = (0..10).collect();
    zip(
        "train-images-idx3-ubyte",
        3,
        &[IMAGES, 28, 28],
        &images,
        IMAGES / 10,
    );
    zip(
        "train-labels-idx1-ubyte",
        1,
        &[IMAGES],
        &labels,
        IMAGES / 10,
    );
    zip("t10k-images-idx3-ubyte", 3, &[10, 28, 28], &images, 1);
    zip("t10k-labels-idx1-ubyte", 1, &[10], &labels, 1);
    let check = ["check", "tiny.toml", "--threads", "2", "data.path=large"];
    limited(&sandbox, 600, &check).success();
}

/// A white PNG in colour: three bytes a pixel to decode, a thousandth of it as a file.
fn white_png([height, width]: [u32; 2], is_interlaced: bool) -> Vec<u8> {
    use std::io::Write as _;

    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], content: &[u8]| {
        let body = [kind, content].concat();
        let mut crc = flate2::Crc::new();
        crc.update(&body);
        file.extend((content.len() as u32).to_be_bytes());
        file.extend(&body);
        file.extend(crc.sum().to_be_bytes());
    };
    let head = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 2, 0, 0, u8::from(is_interlaced)],
    ]
    .concat();
    chunk(b"IHDR", &head);
    // The first row and column of each pass, and the steps to the next ones.
    let passes: &[[u32; 4]] = match is_interlaced {
        true => &[
            [0, 0, 8, 8],
            [0, 4, 8, 8],
            [4, 0, 8, 4],
            [0, 2, 4, 4],
            [2, 0, 4, 2],
            [0, 1, 2, 2],
            [1, 0, 2, 1],
        ],
        false => &[[0, 0, 1, 1]],
    };
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for [top, left, down, across] in passes {
        // Each row begins with its filter: none.
        let pixels = (width - left).div_ceil(*across) as usize;
        let row = [vec![0], vec![255; 3 * pixels]].concat();
        for _ in 0..(height - top).div_ceil(*down) {
            zlib.write_all(&row).unwrap();
        }
    }
    chunk(b"IDAT", &zlib.finish().unwrap());
    chunk(b"IEND", b"");
    file
}

/// Red where each of 16 threads decodes without regard to the others: together they would need 960 MB.
#[cfg(target_os = "linux")]
#[test]
fn decoders_share_what_the_limit_of_the_job_leaves() {
    let sandbox = Sandbox::new();
    let png = white_png([4000, 5000], true);
    for (split, count) in [("train", 16), ("test", 1)] {
        for class in ["cat", "dog"] {
            for index in 0..count {
                sandbox.write(&format!("large/{split}/{class}/{index}.png"), &png);
            }
        }
    }
    let arguments = [
        "check",
        "tiny.toml",
        "--threads",
        "16",
        "data.path=large",
        "data.resize=28",
        "data.cache=off",
        "model.layers[5].linear.out_features=2",
    ];
    limited(&sandbox, 1200, &arguments).success();
}

/// Red where the whole image is decoded, which takes 432 MB.
#[cfg(target_os = "linux")]
#[test]
fn a_large_png_takes_the_memory_of_some_rows() {
    let sandbox = Sandbox::new();
    let png = white_png([12_000, 12_000], false);
    for split in ["train", "test"] {
        for class in ["cat", "dog"] {
            sandbox.write(&format!("large/{split}/{class}/1.png"), &png);
        }
    }
    let arguments = [
        "check",
        "tiny.toml",
        "--threads",
        "1",
        "data.path=large",
        "data.resize=28",
        "data.cache=off",
        "training.batch_size=1",
        "model.layers[5].linear.out_features=2",
    ];
    limited(&sandbox, 350, &arguments).success();
}

/// Red, as killed, without last words.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_ends_for_want_of_memory_says_so() {
    let sandbox = Sandbox::new();
    sandbox.cut_data("more", 300, 30);
    // An epoch takes a while, and what it ends with needs copies of all weights.
    let arguments = [
        "run",
        "tiny.toml",
        "-q",
        "data.path=more",
        "training.epochs=1",
        "training.batch_size=1",
        "model.layers=['flatten', {linear={out_features=4000}}, {linear={out_features=10}}]",
    ];
    let run = Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(arguments)
        .current_dir(sandbox.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let folder = sandbox.path("experiments/latest");
    while !folder.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Some steps, after which a step needs no more.
    std::thread::sleep(Duration::from_millis(150));
    let status = fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmSize:"));
    let size: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    // Room for the stack of a thread, and no more.
    let (process, limit) = (
        run.id().to_string(),
        format!("--as={}", (size + 1024) << 10),
    );
    let limited = Command::new("prlimit")
        .args(["--pid", &process, &limit])
        .status();
    assert!(limited.unwrap().success());
    let output = run.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: out of memory"), "{stderr}");
    for command in [&["list"][..], &["show", "latest"]] {
        sandbox
            .runner(command)
            .success()
            .stdout_has(&["out of memory: ", "bytes more could not be had"]);
    }
    sandbox.runner(&["list"]).success().stdout_has(&["failed"]);
}

/// The most memory that a run of one epoch took, in bytes; 60 images are its only step.
#[cfg(target_os = "linux")]
fn peak(layers: &str) -> f64 {
    let sandbox = Sandbox::new();
    let layers = format!("model.layers=[{layers},'flatten',{{linear={{out_features=10}}}}]");
    let run = sandbox.run_tiny(&[
        &layers,
        "training.epochs=1",
        "training.batch_size=60",
        "optimizer.adam.betas=[0.9,0.999]",
    ]);
    let timing = sandbox.read(&format!("{run}/timing.csv"));
    let mut lines = timing.lines().map(|line| line.split(','));
    let mut columns = lines.next().unwrap();
    let column = columns
        .position(|name| name == "peak_memory_bytes")
        .unwrap();
    lines.next().unwrap().nth(column).unwrap().parse().unwrap()
}

/// Of a convolution, a batch norm and a ReLU only what the convolution gives is kept.
///
/// Red with the batch norm as a kernel of its own: 2.0 outputs a layer.
#[cfg(target_os = "linux")]
#[test]
fn a_step_keeps_one_output_of_three_layers() {
    let of = |count: usize| {
        let layers = "{conv2d={out_channels=64,kernel_size=1,bias=false}},'batch_norm2d','relu',";
        peak(&format!("{}'global_avg_pool'", layers.repeat(count)))
    };
    let output = (60 * 64 * 28 * 28 * 4) as f64;
    let kept = (of(12) - of(4)) / 8.0 / output;
    assert!(kept < 1.3, "{kept} outputs a layer");
}

/// A checkpoint is written and read back array by array, and not from all bytes of its file.
///
/// Red with those in memory: 17.9 times the parameters, in place of 10.1.
#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_is_in_memory_once() {
    let of = |features: usize| peak(&format!("'flatten',{{linear={{out_features={features}}}}}"));
    let parameters = (4 * (784 + 10) * 7000) as f64;
    let times = (of(8000) - of(1000)) / parameters;
    assert!(times < 12.0, "{times} times the parameters");
}

/// What a step keeps, by hand: outputs of convolutions before a batch norm and a rectifier, and of a pool, and the gradient of
/// the largest.
#[test]
fn what_a_step_needs_is_what_is_kept() {
    let of = |layers: &str| {
        let layers = format!("model.layers=[{layers},'flatten',{{linear={{out_features=10}}}}]");
        let experiment = experiment(TINY, &[&layers, "training.batch_size=2"]);
        experiment.step_bytes() / (2 * 4)
    };
    let pixels = 28 * 28;
    let block = |channels: usize, activation: &str| {
        format!(
            "{{conv2d={{out_channels={channels},kernel_size=1}}}},'batch_norm2d','{activation}'"
        )
    };
    for activation in ["relu", "relu6"] {
        // The last activation is what the linear layer reads.
        let one = block(3, activation);
        assert_eq!(of(&one), 3 * pixels * 3);
        let two = format!("{},{one}", block(5, activation));
        assert_eq!(of(&two), (5 + 3 + 3 + 3) * pixels);
    }
    let residual = format!(
        "{{residual={{layers=[{},{{conv2d={{out_channels=1,kernel_size=1}}}}]}}}},'relu'",
        block(4, "relu")
    );
    // What the block's first convolution gives, and its gradient; the sum and its gradient are less.
    assert_eq!(of(&residual), (4 + 4) * pixels);
}
