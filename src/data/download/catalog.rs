//! The image sets that are known by name: what they hold, who may use them, where they are to be had.
//!
//! Checksums are those of the data wherever those are known, since mirrors pack the same data
//! differently; they were computed from copies of the files, and others who publish them have the same.
//! The other ones are as TensorFlow Datasets publishes them, of the file byte for byte.

use std::path::{Path, PathBuf};

/// Labelled images in two splits.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// What users call it.
    pub name: &'static str,
    /// One line.
    pub description: &'static str,
    /// Images for training and for testing.
    pub images: [u64; 2],
    /// The number of classes.
    pub classes: u64,
    /// Channels, height, width.
    pub shape: [u64; 3],
    /// The terms under which it is published.
    pub licence: &'static str,
    /// What to cite.
    pub source: &'static str,
    /// Base URLs, in the order in which they are tried.
    pub mirrors: &'static [&'static str],
    /// What is downloaded.
    pub files: &'static [Remote],
}

/// A file as mirrors have it.
#[derive(Debug, Clone, Copy)]
pub struct Remote {
    /// Follows a `/` after the URL of a mirror.
    pub name: &'static str,
    /// The size of the download, as published, in bytes.
    pub bytes: u64,
    /// What it is compared with.
    pub checksum: Checksum,
    /// The members that are unpacked; if empty, the file is kept as it is.
    pub members: &'static [Member],
}

/// SHA-256, 64 hex digits.
#[derive(Debug, Clone, Copy)]
pub enum Checksum {
    /// Of what a gzip file unpacks to; `bytes` is how much that is. However it was packed.
    Content {
        /// The checksum of the unpacked content.
        sha256: &'static str,
        /// The size of the unpacked content.
        bytes: u64,
    },
    /// The checksum of the file itself.
    Archive {
        /// The checksum of the file as downloaded.
        sha256: &'static str,
    },
}

/// A file inside an archive.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// In the archive.
    pub path: &'static str,
    /// In the folder that it is unpacked into.
    pub name: &'static str,
}

impl Set {
    /// The known set of this name.
    pub fn find(name: &str) -> Option<&'static Set> {
        SETS.iter().find(|set| set.name == name)
    }

    /// The folder that it is looked for in, unless another one is named.
    pub fn home(&self) -> PathBuf {
        Path::new("data").join(self.name)
    }

    /// The size of all downloads, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Whether every file of the set is in a folder; what they hold is not looked at.
    pub fn is_in(&self, folder: &Path) -> bool {
        let names = self.files.iter().flat_map(Remote::kept);
        names.into_iter().all(|name| {
            let plain = name.strip_suffix(".gz").unwrap_or(name);
            folder.join(name).is_file() || folder.join(plain).is_file()
        })
    }
}

impl Remote {
    /// The names of what stays of the file in a data folder.
    pub fn kept(&self) -> Vec<&'static str> {
        match self.members {
            [] => vec![self.name],
            members => members.iter().map(|member| member.name).collect(),
        }
    }
}

/// A gzip file of an IDX set, whose content is known.
const fn content(name: &'static str, bytes: u64, unpacked: u64, sha256: &'static str) -> Remote {
    Remote {
        name,
        bytes,
        checksum: Checksum::Content {
            sha256,
            bytes: unpacked,
        },
        members: &[],
    }
}

/// A file that is known as a whole.
const fn archive(
    name: &'static str,
    bytes: u64,
    sha256: &'static str,
    members: &'static [Member],
) -> Remote {
    Remote {
        name,
        bytes,
        checksum: Checksum::Archive { sha256 },
        members,
    }
}

const fn member(path: &'static str, name: &'static str) -> Member {
    Member { path, name }
}

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte.gz";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte.gz";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte.gz";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte.gz";

/// All of them; the first one comes with the program.
pub static SETS: &[Set] = &[
    Set {
        name: "digits",
        description: "the first images of MNIST, bundled with this program",
        images: [10_000, 5_000],
        classes: 10,
        shape: [1, 28, 28],
        licence: "CC BY-SA 3.0",
        source: "LeCun, Cortes, Burges: The MNIST database of handwritten digits",
        mirrors: &[],
        files: &[
            content(
                TRAIN_IMAGES,
                1_609_526,
                7_840_016,
                "2889698e6bc3614913e76901316712919d1998fc2b44512451bfe65bc1e668b1",
            ),
            content(
                TRAIN_LABELS,
                4_997,
                10_008,
                "651e38e2ac0632f5113ec18f1df4977117f953197819034009971a6675a0df78",
            ),
            content(
                TEST_IMAGES,
                784_480,
                3_920_016,
                "118ae22e5d4e94bb7f7335211629ca4da103e2b74481bd772edf32b2aff5970f",
            ),
            content(
                TEST_LABELS,
                2_557,
                5_008,
                "24f8aa7197fa0ee1ceb43e0809492febb35d3bdb1d1c31379ca14bd851f82ba7",
            ),
        ],
    },
    Set {
        name: "mnist",
        description: "handwritten digits",
        images: [60_000, 10_000],
        classes: 10,
        shape: [1, 28, 28],
        licence: "CC BY-SA 3.0",
        source: "LeCun, Cortes, Burges: The MNIST database of handwritten digits",
        mirrors: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "http://yann.lecun.com/exdb/mnist",
        ],
        files: &[
            content(
                TRAIN_IMAGES,
                9_912_422,
                47_040_016,
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            content(
                TRAIN_LABELS,
                28_881,
                60_008,
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            content(
                TEST_IMAGES,
                1_648_877,
                7_840_016,
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            content(
                TEST_LABELS,
                4_542,
                10_008,
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ],
    },
    Set {
        name: "fashion-mnist",
        description: "clothes, bags and shoes from a shop's photographs",
        images: [60_000, 10_000],
        classes: 10,
        shape: [1, 28, 28],
        licence: "MIT",
        source: "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747",
        mirrors: &[
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        ],
        files: &[
            content(
                TRAIN_IMAGES,
                26_421_880,
                47_040_016,
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            content(
                TRAIN_LABELS,
                29_515,
                60_008,
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            content(
                TEST_IMAGES,
                4_422_102,
                7_840_016,
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            content(
                TEST_LABELS,
                5_148,
                10_008,
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ],
    },
    Set {
        name: "kmnist",
        description: "cursive Japanese characters, one from each row of hiragana",
        images: [60_000, 10_000],
        classes: 10,
        shape: [1, 28, 28],
        licence: "CC BY-SA 4.0",
        source: "KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others), doi:10.20676/00000341",
        mirrors: &[
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist",
        ],
        files: &[
            archive(
                TRAIN_IMAGES,
                18_165_135,
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
                &[],
            ),
            archive(
                TRAIN_LABELS,
                29_497,
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
                &[],
            ),
            archive(
                TEST_IMAGES,
                3_041_136,
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
                &[],
            ),
            archive(
                TEST_LABELS,
                5_120,
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
                &[],
            ),
        ],
    },
    Set {
        name: "emnist-digits",
        description: "more handwritten digits; unlike MNIST's, rows and columns are swapped",
        images: [240_000, 40_000],
        classes: 10,
        shape: [1, 28, 28],
        licence: "none stated (NIST)",
        source: "Cohen, Afshar, Tapson, van Schaik: EMNIST, arXiv:1702.05373",
        mirrors: &[
            "https://biometrics.nist.gov/cs_links/EMNIST",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST",
        ],
        files: &[archive(
            "gzip.zip",
            561_753_746,
            "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
            &[
                member(
                    "gzip/emnist-digits-train-images-idx3-ubyte.gz",
                    TRAIN_IMAGES,
                ),
                member(
                    "gzip/emnist-digits-train-labels-idx1-ubyte.gz",
                    TRAIN_LABELS,
                ),
                member("gzip/emnist-digits-test-images-idx3-ubyte.gz", TEST_IMAGES),
                member("gzip/emnist-digits-test-labels-idx1-ubyte.gz", TEST_LABELS),
            ],
        )],
    },
    Set {
        name: "cifar-10",
        description: "small photographs of animals and vehicles",
        images: [50_000, 10_000],
        classes: 10,
        shape: [3, 32, 32],
        licence: "none stated",
        source: "Krizhevsky: Learning multiple layers of features from tiny images, 2009",
        mirrors: &[
            "https://www.cs.toronto.edu/~kriz",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10",
        ],
        files: &[archive(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            &[
                member("cifar-10-batches-bin/data_batch_1.bin", "data_batch_1.bin"),
                member("cifar-10-batches-bin/data_batch_2.bin", "data_batch_2.bin"),
                member("cifar-10-batches-bin/data_batch_3.bin", "data_batch_3.bin"),
                member("cifar-10-batches-bin/data_batch_4.bin", "data_batch_4.bin"),
                member("cifar-10-batches-bin/data_batch_5.bin", "data_batch_5.bin"),
                member("cifar-10-batches-bin/test_batch.bin", "test_batch.bin"),
                member("cifar-10-batches-bin/batches.meta.txt", "batches.meta.txt"),
            ],
        )],
    },
    Set {
        name: "cifar-100",
        description: "small photographs in 100 fine classes of 20 coarse ones",
        images: [50_000, 10_000],
        classes: 100,
        shape: [3, 32, 32],
        licence: "none stated",
        source: "Krizhevsky: Learning multiple layers of features from tiny images, 2009",
        mirrors: &[
            "https://www.cs.toronto.edu/~kriz",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets",
        ],
        files: &[archive(
            "cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            &[
                member("cifar-100-binary/train.bin", "train.bin"),
                member("cifar-100-binary/test.bin", "test.bin"),
                member(
                    "cifar-100-binary/fine_label_names.txt",
                    "fine_label_names.txt",
                ),
                member(
                    "cifar-100-binary/coarse_label_names.txt",
                    "coarse_label_names.txt",
                ),
            ],
        )],
    },
];
