//! Matrix products on register tiles, the heart of every dense kernel.
//!
//! Both kinds sum each output element in the order of the summed dimension, one fused
//! multiply-add after the other.

use super::memory::Memory;
use super::rectifier::{Rectifier, rectified};
use super::simd::{Level, Vector, on_level};

/// A run of the summed dimension that lies together in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Elements from the start of a row of A.
    pub offset: isize,
    pub length: usize,
}

/// Where a row of A starts and where its row of C does, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub a: usize,
    pub c: usize,
}

/// What a row of C holds before products are added.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    Zero,
    /// One value a column.
    Bias(&'a [f32]),
}

/// B of a product, laid out in the order in which the tiles read it.
#[derive(Debug, Default)]
pub struct Packed {
    values: Memory,
    depth: usize,
    columns: usize,
}

impl Packed {
    /// Columns of a panel: the widest tile of the level.
    pub fn panel_columns(level: Level) -> usize {
        2 * level.lanes()
    }

    /// Zeros for one panel of at most [`Self::panel_columns`] columns.
    pub fn panel(level: Level, depth: usize, columns: usize) -> Self {
        assert!(columns <= Self::panel_columns(level));
        Self {
            values: Memory::zeros(depth * columns.next_multiple_of(level.lanes())),
            depth,
            columns,
        }
    }

    /// A row of a matrix of one panel; the columns after the last one are padding.
    pub fn row_mut(&mut self, level: Level, row: usize) -> &mut [f32] {
        let width = self.columns.next_multiple_of(level.lanes());
        &mut self.values[row * width..][..width]
    }

    /// Columns of the matrix, without padding.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Packs `depth` rows of `columns` values that `value(row, column)` gives.
    pub fn pack(
        &mut self,
        level: Level,
        depth: usize,
        columns: usize,
        value: impl Fn(usize, usize) -> f32,
    ) {
        let lanes = level.lanes();
        let width = Self::panel_columns(level);
        self.depth = depth;
        self.columns = columns;
        self.values = Memory::zeros(depth * columns.next_multiple_of(lanes));
        let mut rest = &mut self.values[..];
        for first in (0..columns).step_by(width) {
            let padded = (columns - first).next_multiple_of(lanes).min(width);
            let (panel, later) = rest.split_at_mut(depth * padded);
            for (row, target) in panel.chunks_exact_mut(padded).enumerate() {
                for (column, target) in (first..columns).zip(target) {
                    *target = value(row, column);
                }
            }
            rest = later;
        }
    }
}

/// `C[row] = start + A[row] B`, with rows of A gathered from wherever they lie; the rectifier after it.
///
/// Rows of A are read at `row.a` along `segments`, whose lengths add up to the depth of B; C has
/// the columns of B at `row.c`.
///
/// # Panics
///
/// If a row reaches outside of A or C, or the depths differ.
pub fn gathered(
    level: Level,
    a: &[f32],
    rows: &[Row],
    segments: &[Segment],
    b: &Packed,
    c: &mut [f32],
    start: Start<'_>,
    rectifier: Option<Rectifier>,
) {
    let depth: usize = segments.iter().map(|segment| segment.length).sum();
    assert_eq!(depth, b.depth, "depths of a product");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), b.columns, "one bias a column");
    }
    let lowest = segments.iter().map(|s| s.offset).min().unwrap_or(0);
    let end = segments.iter().map(|s| s.offset + s.length as isize).max();
    let end = end.unwrap_or(0);
    for row in rows {
        assert!(row.a as isize + lowest >= 0 && row.a as isize + end <= a.len() as isize);
        assert!(row.c + b.columns <= c.len());
    }
    // SAFETY: all reads of A and writes of C were just checked; B is padded to whole vectors.
    unsafe {
        gathered_on(
            level,
            a.as_ptr(),
            rows,
            segments,
            b,
            c.as_mut_ptr(),
            start,
            rectifier,
        )
    }
}

on_level! {
    unsafe fn gathered_on(
        a: *const f32, rows: &[Row], segments: &[Segment], b: &Packed, c: *mut f32,
        start: Start<'_>, rectifier: Option<Rectifier>,
    ) = gathered_generic
}

#[inline(always)]
unsafe fn gathered_generic<S: Vector>(
    a: *const f32,
    rows: &[Row],
    segments: &[Segment],
    b: &Packed,
    c: *mut f32,
    start: Start<'_>,
    rectifier: Option<Rectifier>,
) {
    let mut panel = b.values.as_ptr();
    let mut first = 0;
    while first < b.columns {
        let left = b.columns - first;
        // SAFETY: the caller's promise; the panel has the columns padded to whole vectors.
        unsafe {
            if left > S::LANES {
                gathered_panel::<S, 2>(a, rows, segments, panel, c, start, rectifier, first, left);
                panel = panel.add(b.depth * 2 * S::LANES);
                first += 2 * S::LANES;
            } else {
                gathered_panel::<S, 1>(a, rows, segments, panel, c, start, rectifier, first, left);
                panel = panel.add(b.depth * S::LANES);
                first += S::LANES;
            }
        }
    }
}

#[inline(always)]
unsafe fn gathered_panel<S: Vector, const V: usize>(
    a: *const f32,
    rows: &[Row],
    segments: &[Segment],
    panel: *const f32,
    c: *mut f32,
    start: Start<'_>,
    rectifier: Option<Rectifier>,
    first: usize,
    left: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let initial: [S; V] = match start {
            Start::Zero => [S::splat(0.0); V],
            Start::Bias(bias) => {
                let mut padded = [0.0; MAX_COLUMNS];
                let count = left.min(V * S::LANES);
                padded[..count].copy_from_slice(&bias[first..first + count]);
                std::array::from_fn(|v| S::load(padded.as_ptr().add(v * S::LANES)))
            }
        };
        macro_rules! tiles {
            ($rows:literal) => {
                gathered_tiles::<S, V, $rows>(
                    a,
                    rows,
                    segments,
                    panel,
                    c.add(first),
                    initial,
                    rectifier,
                    left,
                )
            };
        }
        match (S::WIDE, S::ROWS, V) {
            (true, _, 1) => tiles!(12),
            (true, _, _) => tiles!(8),
            (false, 6, _) => tiles!(6),
            _ => tiles!(4),
        }
    }
}

/// Columns of the widest panel of any level.
const MAX_COLUMNS: usize = 32;

#[inline(always)]
unsafe fn gathered_tiles<S: Vector, const V: usize, const ROWS: usize>(
    a: *const f32,
    rows: &[Row],
    segments: &[Segment],
    panel: *const f32,
    c: *mut f32,
    initial: [S; V],
    rectifier: Option<Rectifier>,
    left: usize,
) {
    // A last tile with few rows is computed as a smaller one.
    let rest = rows.len() % ROWS;
    let (rows, last) = rows.split_at(rows.len() - rest);
    for tile in rows.chunks_exact(ROWS) {
        // SAFETY: the caller's promise.
        unsafe {
            gathered_tile::<S, V, ROWS>(a, tile, segments, panel, c, initial, rectifier, left)
        }
    }
    macro_rules! last_tile {
        ($rows:literal) => {
            gathered_tile::<S, V, $rows>(a, last, segments, panel, c, initial, rectifier, left)
        };
    }
    // SAFETY: the caller's promise.
    unsafe {
        match rest {
            0 => {}
            1 => last_tile!(1),
            2 => last_tile!(2),
            3..=4 => last_tile!(4),
            5..=6 => last_tile!(6),
            _ => gathered_tile::<S, V, ROWS>(a, last, segments, panel, c, initial, rectifier, left),
        }
    }
}

/// A tile of up to `ROWS` rows; with fewer, the last one is computed repeatedly.
#[inline(always)]
unsafe fn gathered_tile<S: Vector, const V: usize, const ROWS: usize>(
    a: *const f32,
    tile: &[Row],
    segments: &[Segment],
    panel: *const f32,
    c: *mut f32,
    initial: [S; V],
    rectifier: Option<Rectifier>,
    left: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let starts: [*const f32; ROWS] =
            std::array::from_fn(|m| a.add(tile[m.min(tile.len() - 1)].a));
        let mut sums = [initial; ROWS];
        let mut b = panel;
        for segment in segments {
            let row: [*const f32; ROWS] = starts.map(|start| start.offset(segment.offset));
            for k in 0..segment.length {
                let columns: [S; V] = std::array::from_fn(|v| S::load(b.add(v * S::LANES)));
                for m in 0..ROWS {
                    let value = S::splat(*row[m].add(k));
                    for v in 0..V {
                        sums[m][v] = sums[m][v].add_product(value, columns[v]);
                    }
                }
                b = b.add(V * S::LANES);
            }
        }
        for (m, row) in tile.iter().enumerate() {
            for v in 0..V {
                let sum = rectified(sums[m][v], rectifier);
                store_columns(sum, c.add(row.c + v * S::LANES), left - v * S::LANES);
            }
        }
    }
}

/// Stores the first `left` elements, or all.
#[inline(always)]
pub unsafe fn store_columns<S: Vector>(vector: S, to: *mut f32, left: usize) {
    // SAFETY: `to` is valid for what is stored, by the caller's promise.
    unsafe {
        if left >= S::LANES {
            vector.store(to);
        } else {
            let mut buffer = [0.0; MAX_COLUMNS];
            vector.store(buffer.as_mut_ptr());
            std::ptr::copy_nonoverlapping(buffer.as_ptr(), to, left);
        }
    }
}

/// A stretch of the summed dimension of [`outer`]: it starts at `a` and `b` and has `length` elements,
/// `a_step` apart in A and `b_step` in B.
#[derive(Debug, Clone, Copy)]
pub struct SummedSpan {
    pub a: usize,
    pub b: usize,
    pub length: usize,
}

/// `C[m][n] += Σ A[k][m] B[k][n]`, the sum over all elements k of all spans.
///
/// `A[k][m]` is at `span.a + k * a_step + a_rows[m]`, `B[k][n]` at `span.b + k * b_step + n`, C is
/// row-major with `columns` columns, a row starting `c_step` elements after the one before.
///
/// # Panics
///
/// If an element lies outside of A, B or C; B must reach a vector's length less one beyond its end.
pub fn outer(
    level: Level,
    a: &[f32],
    a_rows: &[usize],
    a_step: usize,
    b: &[f32],
    b_step: usize,
    spans: &[SummedSpan],
    c: &mut [f32],
    c_step: usize,
    columns: usize,
) {
    let farthest = a_rows.iter().max().copied().unwrap_or(0);
    for span in spans.iter().filter(|span| span.length > 0) {
        assert!(span.a + (span.length - 1) * a_step + farthest < a.len());
        assert!(
            span.b + (span.length - 1) * b_step + columns.next_multiple_of(level.lanes())
                <= b.len()
        );
    }
    assert!(columns <= c_step && a_rows.len() * c_step <= c.len());
    // SAFETY: every access was just checked.
    unsafe {
        outer_on(
            level,
            a.as_ptr(),
            a_rows,
            a_step,
            b.as_ptr(),
            b_step,
            spans,
            c.as_mut_ptr(),
            c_step,
            columns,
        )
    }
}

on_level! {
    unsafe fn outer_on(
        a: *const f32, a_rows: &[usize], a_step: usize, b: *const f32, b_step: usize,
        spans: &[SummedSpan], c: *mut f32, c_step: usize, columns: usize,
    ) = outer_generic
}

#[inline(always)]
unsafe fn outer_generic<S: Vector>(
    a: *const f32,
    a_rows: &[usize],
    a_step: usize,
    b: *const f32,
    b_step: usize,
    spans: &[SummedSpan],
    c: *mut f32,
    c_step: usize,
    columns: usize,
) {
    let mut first = 0;
    while first < columns {
        let left = columns - first;
        macro_rules! tiles {
            ($vectors:literal, $rows:literal) => {
                outer_tiles::<S, $vectors, $rows>(
                    a,
                    a_rows,
                    a_step,
                    b.add(first),
                    b_step,
                    spans,
                    c.add(first),
                    c_step,
                    left,
                )
            };
        }
        // SAFETY: the caller's promise.
        unsafe {
            let two = left > S::LANES;
            match (S::WIDE, S::ROWS, two) {
                (true, _, true) => tiles!(2, 8),
                (true, _, false) => tiles!(1, 12),
                (false, 6, true) => tiles!(2, 6),
                (false, 6, false) => tiles!(1, 6),
                (false, _, true) => tiles!(2, 4),
                (false, _, false) => tiles!(1, 4),
            }
            first += if two { 2 * S::LANES } else { S::LANES };
        }
    }
}

#[inline(always)]
unsafe fn outer_tiles<S: Vector, const V: usize, const ROWS: usize>(
    a: *const f32,
    a_rows: &[usize],
    a_step: usize,
    b: *const f32,
    b_step: usize,
    spans: &[SummedSpan],
    c: *mut f32,
    c_step: usize,
    left: usize,
) {
    for (tile_index, tile) in a_rows.chunks(ROWS).enumerate() {
        // SAFETY: the caller's promise; a tile with fewer rows computes its last one repeatedly.
        unsafe {
            let c = c.add(tile_index * ROWS * c_step);
            let mut sums = [[S::splat(0.0); V]; ROWS];
            for (m, sums) in sums.iter_mut().enumerate().take(tile.len()) {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = load_columns(c.add(m * c_step + v * S::LANES), left - v * S::LANES);
                }
            }
            let starts: [*const f32; ROWS] =
                std::array::from_fn(|m| a.add(tile[m.min(tile.len() - 1)]));
            for span in spans {
                let row: [*const f32; ROWS] = starts.map(|start| start.add(span.a));
                let mut b = b.add(span.b);
                let mut at = 0;
                for _ in 0..span.length {
                    let vectors: [S; V] = std::array::from_fn(|v| S::load(b.add(v * S::LANES)));
                    for m in 0..ROWS {
                        let value = S::splat(*row[m].add(at));
                        for v in 0..V {
                            sums[m][v] = sums[m][v].add_product(value, vectors[v]);
                        }
                    }
                    at += a_step;
                    b = b.add(b_step);
                }
            }
            for (m, sums) in sums.iter().enumerate().take(tile.len()) {
                for (v, sum) in sums.iter().enumerate() {
                    store_columns(*sum, c.add(m * c_step + v * S::LANES), left - v * S::LANES);
                }
            }
        }
    }
}

/// The first `left` elements, or all; zeros after them.
#[inline(always)]
unsafe fn load_columns<S: Vector>(from: *const f32, left: usize) -> S {
    // SAFETY: `from` is valid for what is loaded, by the caller's promise.
    unsafe {
        if left >= S::LANES {
            S::load(from)
        } else {
            let mut buffer = [0.0; MAX_COLUMNS];
            std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), left);
            S::load(buffer.as_ptr())
        }
    }
}
