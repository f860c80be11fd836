//! Upsampling of subsampled components, with exactly libjpeg's arithmetic ("fancy upsampling").

/// How a component is brought to the size of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsampling {
    /// Already full size.
    None,
    /// Half as wide: triangle filter, weights 3:1.
    Across,
    /// Half as high: triangle filter.
    Down,
    /// Half as wide and as high: triangle filter.
    Both,
    /// By other factors, across and down: samples are repeated.
    Repeat([usize; 2]),
}

/// The samples of a component.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    /// Row by row.
    pub samples: &'a [u8],
    /// Distance between rows.
    pub stride: usize,
    /// Samples inside the image: columns, then rows.
    pub size: [usize; 2],
}

impl Upsampling {
    /// For a component that is subsampled by `factors`, across and down.
    pub fn of(factors: [usize; 2], width: usize, is_smooth: bool) -> Self {
        match factors {
            [1, 1] => Self::None,
            [1, 2] if is_smooth => Self::Down,
            [2, 1] if is_smooth && width > 2 => Self::Across,
            [2, 2] if is_smooth && width > 2 => Self::Both,
            _ => Self::Repeat(factors),
        }
    }

    /// Fills `row` with row `y` of the image; `sums` is scratch space.
    pub fn row(self, component: Samples<'_>, y: usize, row: &mut [u8], sums: &mut Vec<u16>) {
        match self {
            Self::None => row.copy_from_slice(&component.row(y)[..row.len()]),
            Self::Repeat([across, down]) => {
                let samples = component.row(y / down);
                for (group, sample) in row.chunks_mut(across).zip(samples) {
                    group.fill(*sample);
                }
            }
            Self::Down => {
                let [near, far] = component.nearest(y);
                let bias = 1 + (y % 2) as u16;
                for (target, (near, far)) in row.iter_mut().zip(near.iter().zip(far)) {
                    *target = ((3 * u16::from(*near) + u16::from(*far) + bias) >> 2) as u8;
                }
            }
            Self::Across => {
                let samples = &component.row(y)[..component.size[0]];
                sums.clear();
                sums.extend(samples.iter().map(|sample| u16::from(*sample)));
                widen(sums, row, [1, 2], 2);
            }
            Self::Both => {
                let [near, far] = component.nearest(y);
                sums.clear();
                let pairs = near.iter().zip(far);
                sums.extend(pairs.map(|(near, far)| 3 * u16::from(*near) + u16::from(*far)));
                widen(sums, row, [8, 7], 4);
            }
        }
    }
}

/// Doubles the width of `sums` with weights 3:1. Each result is shifted right by `bits` after its bias is added: the
/// first bias for left halves, the second for right halves.
fn widen(sums: &[u16], row: &mut [u8], bias: [u16; 2], bits: u32) {
    let last = sums.len() - 1;
    let value = |here: u16, beside: u16, bias: u16| ((3 * here + beside + bias) >> bits) as u8;
    let mut pairs = row.chunks_exact_mut(2);
    if let Some(pair) = pairs.next() {
        pair[0] = value(sums[0], sums[0], bias[0]);
        pair[1] = value(sums[0], sums[1], bias[1]);
    }
    for (pair, around) in (&mut pairs).zip(sums.windows(3)) {
        pair[0] = value(around[1], around[0], bias[0]);
        pair[1] = value(around[1], around[2], bias[1]);
    }
    // The last column has no right neighbour, and a row of odd width ends in half a pair.
    let full_pairs = row.len() / 2;
    if full_pairs > last {
        row[2 * last + 1] = value(sums[last], sums[last], bias[1]);
        row[2 * last] = value(sums[last], sums[last - 1], bias[0]);
    }
    if !row.len().is_multiple_of(2) && full_pairs > 0 {
        row[2 * full_pairs] = value(sums[full_pairs], sums[full_pairs - 1], bias[0]);
    }
}

impl<'a> Samples<'a> {
    fn row(self, y: usize) -> &'a [u8] {
        &self.samples[y * self.stride..][..self.stride]
    }

    /// The row that covers row `y` of an image twice as high, and the neighbour nearest to it.
    fn nearest(self, y: usize) -> [&'a [u8]; 2] {
        let near = y / 2;
        let far = match y % 2 {
            0 => near.saturating_sub(1),
            _ => (near + 1).min(self.size[1] - 1),
        };
        [near, far].map(|y| &self.row(y)[..self.size[0]])
    }
}
