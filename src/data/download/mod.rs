//! Data sets known by name: `catalog` lists them, `fetch` downloads and verifies their files, `archive`
//! unpacks what may be hostile.

#[cfg(feature = "fetch")]
pub mod archive;
pub mod catalog;
#[cfg(feature = "fetch")]
pub mod fetch;
