//! The transforms of F(2x2, 3x3): they add and halve only, so that it rounds about as the direct sum does.
//!
//! Each takes vectors across channels. With `d` a 4x4 patch of the input, `g` a kernel and `y` a 2x2 tile of the output,
//! `y = Aᵀ [(G g Gᵀ) (Bᵀ d B)] A` where the product is taken point by point; the gradient of the kernel is
//! `Gᵀ [(Bᵀ d B) (A dy Aᵀ)] G`.

use crate::core::simd::{MAX_LANES, Vector, on_level};

/// Elements of a transformed patch.
pub const POINTS: usize = 16;

/// Elements of a kernel.
pub const TAPS: usize = 9;

/// A number of each of 16 channels.
pub type Lanes = [f32; MAX_LANES];

/// Where transformed tiles lie: `[point][block of channels][tile][channel of the block]`, so that a product reads each
/// block from end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Channels of a block, a multiple of every vector.
    pub block: usize,
    /// Floats from one tile to the next.
    pub tile: usize,
    /// Floats from one block to the next.
    pub blocks: usize,
    /// Floats from one point to the next.
    pub points: usize,
}

impl Layout {
    /// All channels of a tile together, for `tiles` tiles.
    pub fn rows(channels: usize, tiles: usize) -> Self {
        // Rows and points that lie powers of two apart would all fall on the same few cache lines.
        let tile = channels.next_multiple_of(MAX_LANES) + MAX_LANES;
        Self {
            block: tile,
            tile,
            blocks: 0,
            points: tiles * tile + MAX_LANES,
        }
    }

    /// Blocks of `block` channels apart, for `tiles` tiles.
    pub fn blocks(channels: usize, block: usize, tiles: usize) -> Self {
        let blocks = tiles * block + MAX_LANES;
        Self {
            block,
            tile: block,
            blocks,
            points: channels.div_ceil(block) * blocks,
        }
    }

    /// Floats of all points.
    pub fn len(&self) -> usize {
        POINTS * self.points
    }

    /// Where a channel of a tile lies in the first point.
    #[inline(always)]
    pub fn place(&self, tile: usize, channel: usize) -> usize {
        channel / self.block * self.blocks + tile * self.tile + channel % self.block
    }
}

/// Tiles of 2x2 outputs that images fall into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    pub down: usize,
    pub across: usize,
}

/// A tile of one of several images.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    pub image: usize,
    pub y: usize,
    pub x: usize,
}

impl Tiling {
    pub fn of([height, width]: [usize; 2]) -> Self {
        Self {
            down: height.div_ceil(2),
            across: width.div_ceil(2),
        }
    }

    /// Tiles of an image.
    pub fn count(&self) -> usize {
        self.down * self.across
    }

    /// `count` tiles from the given one on, image after image.
    #[inline(always)]
    pub fn tiles(self, first: usize, count: usize) -> impl Iterator<Item = Tile> {
        let mut next = Tile {
            image: first / self.count(),
            y: first % self.count() / self.across,
            x: first % self.across,
        };
        (0..count).map(move |_| {
            let tile = next;
            next.x += 1;
            if next.x == self.across {
                (next.x, next.y) = (0, next.y + 1);
            }
            if next.y == self.down {
                (next.y, next.image) = (0, next.image + 1);
            }
            tile
        })
    }
}

/// Patches of images that lie in frames one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Patches {
    pub tiling: Tiling,
    pub channels: usize,
    /// Floats from the start of an image's frame to its first patch.
    pub first: usize,
    /// Floats from one row of a frame to the next.
    pub row: usize,
    /// Floats from one frame to the next.
    pub frame: usize,
}

impl Patches {
    #[inline(always)]
    fn place(&self, tile: Tile) -> usize {
        self.first + tile.image * self.frame + 2 * tile.y * self.row + 2 * tile.x * self.channels
    }
}

on_level! {
    /// `Bᵀ d B` of the 4x4 patches of tiles `first..first + count`.
    ///
    /// # Safety
    ///
    /// All patches must lie inside of `images`, and `points` must have room for `count` tiles of the layout.
    pub unsafe fn transform_input(
        patches: &Patches, images: *const f32, first: usize, count: usize, layout: &Layout,
        points: *mut f32,
    ) = transform_input_generic
}

#[inline(always)]
unsafe fn transform_input_generic<S: Vector>(
    patches: &Patches,
    images: *const f32,
    first: usize,
    count: usize,
    layout: &Layout,
    points: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        transform_patches::<S, 4>(patches, images, first, count, layout, points, |d| {
            let line = |d: [S; 4]| {
                [
                    d[0].sub(d[2]),
                    d[1].add(d[2]),
                    d[2].sub(d[1]),
                    d[1].sub(d[3]),
                ]
            };
            both_ways(d, line)
        })
    }
}

on_level! {
    /// `A dy Aᵀ` of the 2x2 patches of tiles `first..first + count`.
    ///
    /// # Safety
    ///
    /// As for [`transform_input`].
    pub unsafe fn transform_gradient(
        patches: &Patches, images: *const f32, first: usize, count: usize, layout: &Layout,
        points: *mut f32,
    ) = transform_gradient_generic
}

#[inline(always)]
unsafe fn transform_gradient_generic<S: Vector>(
    patches: &Patches,
    images: *const f32,
    first: usize,
    count: usize,
    layout: &Layout,
    points: *mut f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = S::splat(0.0);
        transform_patches::<S, 2>(patches, images, first, count, layout, points, |y| {
            let line = |y: [S; 2]| [y[0], y[0].add(y[1]), y[0].sub(y[1]), zero.sub(y[1])];
            both_ways(y, line)
        })
    }
}

/// A transform of the columns of an `N`x`N` patch, then of the rows.
#[inline(always)]
fn both_ways<S: Vector, const N: usize>(
    patch: [[S; N]; N],
    line: impl Fn([S; N]) -> [S; 4],
) -> [S; POINTS] {
    let columns: [[S; 4]; N] = std::array::from_fn(|x| line(std::array::from_fn(|y| patch[y][x])));
    let rows: [[S; 4]; 4] = std::array::from_fn(|y| line(std::array::from_fn(|x| columns[x][y])));
    std::array::from_fn(|point| rows[point / 4][point % 4])
}

#[inline(always)]
unsafe fn transform_patches<S: Vector, const N: usize>(
    patches: &Patches,
    images: *const f32,
    first: usize,
    count: usize,
    layout: &Layout,
    points: *mut f32,
    transform: impl Fn([[S; N]; N]) -> [S; POINTS],
) {
    let channels = patches.channels;
    let whole = channels - channels % S::LANES;
    for (index, tile) in patches.tiling.tiles(first, count).enumerate() {
        // SAFETY: the caller's promise; a block has room for whole vectors.
        unsafe {
            let corner = images.add(patches.place(tile));
            // As `Layout::place`, without its divisions.
            let mut place = layout.place(index, 0);
            let mut block_end = layout.block;
            for channel in (0..channels).step_by(S::LANES) {
                if channel == block_end {
                    block_end += layout.block;
                    place += layout.blocks - layout.block;
                }
                let at = |y: usize, x: usize| corner.add(y * patches.row + x * channels + channel);
                let patch: [[S; N]; N] = if channel < whole {
                    std::array::from_fn(|y| std::array::from_fn(|x| S::load(at(y, x))))
                } else {
                    // The last channels by way of a buffer: the image ends with its last one.
                    let mut buffer = [0.0; MAX_LANES];
                    std::array::from_fn(|y| {
                        std::array::from_fn(|x| {
                            let left = channels - whole;
                            std::ptr::copy_nonoverlapping(at(y, x), buffer.as_mut_ptr(), left);
                            S::load(buffer.as_ptr())
                        })
                    })
                };
                let target = points.add(place + channel);
                for (point, value) in transform(patch).into_iter().enumerate() {
                    value.store(target.add(point * layout.points));
                }
            }
        }
    }
}

/// `Aᵀ m A` of the 16 points of a tile: its 2x2 outputs.
#[inline(always)]
pub unsafe fn output_tile<S: Vector>(points: [S; POINTS]) -> [[S; 2]; 2] {
    // SAFETY: the caller's promise.
    let line = |m: [S; 4]| unsafe { [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3])] };
    let columns: [[S; 2]; 4] =
        std::array::from_fn(|x| line(std::array::from_fn(|y| points[4 * y + x])));
    std::array::from_fn(|y| line(std::array::from_fn(|x| columns[x][y])))
}

on_level! {
    /// `G g Gᵀ` of the kernels of 16 output channels, in double precision.
    ///
    /// # Safety
    ///
    /// The level must be one of this processor.
    pub unsafe fn transform_kernels(kernels: &[Lanes; TAPS], points: &mut [Lanes; POINTS])
        = transform_kernels_generic
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn transform_kernels_generic<S: Vector>(
    kernels: &[Lanes; TAPS],
    points: &mut [Lanes; POINTS],
) {
    for lane in 0..MAX_LANES {
        let line = |g: [f64; 3]| {
            [
                g[0],
                (g[0] + g[1] + g[2]) / 2.0,
                (g[0] - g[1] + g[2]) / 2.0,
                g[2],
            ]
        };
        let columns: [[f64; 4]; 3] = std::array::from_fn(|x| {
            line(std::array::from_fn(|y| f64::from(kernels[y * 3 + x][lane])))
        });
        for y in 0..4 {
            let row = line(std::array::from_fn(|x| columns[x][y]));
            for (x, value) in row.into_iter().enumerate() {
                points[y * 4 + x][lane] = value as f32;
            }
        }
    }
}

on_level! {
    /// `Gᵀ m G`, the gradients of the kernels of 16 output channels, in double precision.
    ///
    /// # Safety
    ///
    /// The level must be one of this processor.
    pub unsafe fn transform_kernel_gradients(points: &[Lanes; POINTS], kernels: &mut [Lanes; TAPS])
        = transform_kernel_gradients_generic
}

/// Plain Rust, which the compiler vectorizes for the level.
#[inline(always)]
unsafe fn transform_kernel_gradients_generic<S: Vector>(
    points: &[Lanes; POINTS],
    kernels: &mut [Lanes; TAPS],
) {
    for lane in 0..MAX_LANES {
        let line = |m: [f64; 4]| {
            [
                m[0] + (m[1] + m[2]) / 2.0,
                (m[1] - m[2]) / 2.0,
                (m[1] + m[2]) / 2.0 + m[3],
            ]
        };
        let columns: [[f64; 3]; 4] = std::array::from_fn(|x| {
            line(std::array::from_fn(|y| f64::from(points[y * 4 + x][lane])))
        });
        for y in 0..3 {
            let row = line(std::array::from_fn(|x| columns[x][y]));
            for (x, value) in row.into_iter().enumerate() {
                kernels[y * 3 + x][lane] = value as f32;
            }
        }
    }
}
