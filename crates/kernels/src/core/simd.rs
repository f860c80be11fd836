//! Vectors of f32 on whatever the processor has, chosen while the program runs.
//!
//! Every kernel computes an output element in the same order whatever the width: vectors run
//! across independent elements, products are always fused with their sum. So AVX-512, AVX2 and the
//! portable code give the same bits, and a run does not depend on the processor.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Plain Rust; on 64-bit ARM the compiler makes NEON of it.
    Portable,
    /// Eight lanes, with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen lanes, with AVX-512F and DQ.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// What this processor has, the fastest last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "there is only one level on other processors")]
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level::Avx2);
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                    levels.push(Level::Avx512);
                }
            }
        }
        levels
    }

    /// The fastest that this processor has.
    pub fn best() -> Self {
        static BEST: std::sync::OnceLock<Level> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| *Self::available().last().expect("portable is always there"))
    }

    /// The level for runs too short for its vectors; the bits are the same on each.
    pub fn for_runs_of(self, length: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if self == Level::Avx512 && length <= 8 {
            return Level::Avx2;
        }
        let _ = length;
        self
    }

    /// Floats of a vector.
    pub fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => MAX_LANES,
            _ => 8,
        }
    }

    /// The name as the run directory records it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }
}

/// Defines a function that dispatches to one generic over [`Vector`], compiled for the given level.
///
/// The generic function must be `#[inline(always)]`, so that it is compiled with the instruction
/// set of the function around it.
macro_rules! on_level {
    ($(#[$doc:meta])* $vis:vis unsafe fn $name:ident($($arg:ident: $type:ty),* $(,)?) = $generic:ident) => {
        $(#[$doc])*
        $vis unsafe fn $name(level: $crate::core::simd::Level, $($arg: $type),*) {
            use $crate::core::simd::{self, Level};
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $type),*) {
                // SAFETY: the caller's promise; AVX2 and FMA are enabled here.
                unsafe { $generic::<simd::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
            unsafe fn avx512($($arg: $type),*) {
                // SAFETY: the caller's promise; AVX-512F is enabled here.
                unsafe { $generic::<simd::Avx512>($($arg),*) }
            }
            // SAFETY: a `Level` other than portable exists only where it was detected; what the
            // kernel itself demands is the caller's promise.
            unsafe {
                match level {
                    Level::Portable => $generic::<simd::Portable>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => avx2($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => avx512($($arg),*),
                }
            }
        }
    };
}
pub(crate) use on_level;

/// Floats of the widest vector of any level.
pub const MAX_LANES: usize = 16;

/// The winner of a window whose output ReLU or dropout cut: no input of the window gets a gradient.
pub const NONE: u8 = 255;

/// A vector of `LANES` f32.
///
/// # Safety
///
/// Methods may be called only where the instruction set of the type is enabled; pointers must be
/// valid for `LANES` elements, at any alignment.
pub trait Vector: Copy {
    const LANES: usize;
    /// Rows and vectors a row of the largest register tile.
    const ROWS: usize;
    const WIDE: bool;
    type Mask: Copy;

    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn splat(value: f32) -> Self;
    /// `self + a * b`, rounded once.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    /// Whether each element is greater than the other's; never for NaN.
    unsafe fn greater(self, other: Self) -> Self::Mask;
    /// Whether either element is NaN.
    unsafe fn is_nan_in(self, other: Self) -> Self::Mask;
    unsafe fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// `then` where the mask is set, `self` elsewhere.
    unsafe fn replaced(self, mask: Self::Mask, then: Self) -> Self;
    /// `max(self, 0)`; NaN stays NaN.
    unsafe fn relu(self) -> Self;
    /// Whole numbers from 0 to 255 as bytes.
    unsafe fn store_bytes(self, to: *mut u8);
    /// Itself where the byte of the element is not [`NONE`], else 0.
    unsafe fn taken(self, winners: *const u8) -> Self;
    /// The first `count` elements, then zeros.
    unsafe fn first(self, count: usize) -> Self;
    /// One bit an element, the lowest first: it is not 0.
    unsafe fn nonzero(self) -> u32;
    /// `base + table[byte % 8]` for each of `LANES` bytes.
    unsafe fn store_lookup(table: &[u32; 8], bytes: *const u8, base: u32, to: *mut u32);
    /// One bit for each of `LANES` bytes, the lowest first: it equals `byte`.
    unsafe fn equal_bytes(bytes: *const u8, byte: u8) -> u32;
}

/// Eight f32 without any instruction set in particular.
#[derive(Clone, Copy)]
pub struct Portable([f32; 8]);

impl Vector for Portable {
    const LANES: usize = 8;
    const ROWS: usize = 4;
    const WIDE: bool = false;
    type Mask = [bool; 8];

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: valid for eight elements, by the trait's contract.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: valid for eight elements, by the trait's contract.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 8])
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| a.0[i].mul_add(b.0[i], self.0[i])))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
    #[inline(always)]
    unsafe fn greater(self, other: Self) -> [bool; 8] {
        std::array::from_fn(|i| self.0[i] > other.0[i])
    }
    #[inline(always)]
    unsafe fn is_nan_in(self, other: Self) -> [bool; 8] {
        std::array::from_fn(|i| self.0[i].is_nan() || other.0[i].is_nan())
    }
    #[inline(always)]
    unsafe fn or(a: [bool; 8], b: [bool; 8]) -> [bool; 8] {
        std::array::from_fn(|i| a[i] | b[i])
    }
    #[inline(always)]
    unsafe fn replaced(self, mask: [bool; 8], then: Self) -> Self {
        Self(std::array::from_fn(|i| {
            if mask[i] { then.0[i] } else { self.0[i] }
        }))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        Self(self.0.map(|value| if value < 0.0 { 0.0 } else { value }))
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        // SAFETY: valid for eight elements, by the trait's contract.
        unsafe {
            to.cast::<[u8; 8]>()
                .write_unaligned(self.0.map(|value| value as u8))
        }
    }
    #[inline(always)]
    unsafe fn taken(self, winners: *const u8) -> Self {
        // SAFETY: valid for eight elements, by the trait's contract.
        let winners = unsafe { winners.cast::<[u8; 8]>().read_unaligned() };
        Self(std::array::from_fn(|i| {
            if winners[i] == NONE { 0.0 } else { self.0[i] }
        }))
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        Self(std::array::from_fn(
            |i| if i < count { self.0[i] } else { 0.0 },
        ))
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        let bits = self.0.iter().enumerate();
        bits.fold(0, |bits, (i, value)| bits | u32::from(*value != 0.0) << i)
    }
    #[inline(always)]
    unsafe fn store_lookup(table: &[u32; 8], bytes: *const u8, base: u32, to: *mut u32) {
        // SAFETY: valid for eight elements, by the trait's contract.
        unsafe {
            let bytes = bytes.cast::<[u8; 8]>().read_unaligned();
            let values = bytes.map(|byte| base.wrapping_add(table[usize::from(byte % 8)]));
            to.cast::<[u32; 8]>().write_unaligned(values);
        }
    }
    #[inline(always)]
    unsafe fn equal_bytes(bytes: *const u8, byte: u8) -> u32 {
        // SAFETY: valid for eight elements, by the trait's contract.
        let bytes = unsafe { bytes.cast::<[u8; 8]>().read_unaligned() };
        let bits = bytes.iter().enumerate();
        bits.fold(0, |bits, (i, value)| bits | u32::from(*value == byte) << i)
    }
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

// SAFETY of every block below: the instruction set is enabled and the pointers are valid for
// eight elements, by the trait's contract.
#[cfg(target_arch = "x86_64")]
impl Vector for Avx2 {
    const LANES: usize = 8;
    const ROWS: usize = 6;
    const WIDE: bool = false;
    type Mask = __m256;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn greater(self, other: Self) -> __m256 {
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    unsafe fn is_nan_in(self, other: Self) -> __m256 {
        unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, other.0) }
    }
    #[inline(always)]
    unsafe fn or(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_or_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn replaced(self, mask: __m256, then: Self) -> Self {
        Self(unsafe { _mm256_blendv_ps(self.0, then.0, mask) })
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // The instruction gives its second operand when either is NaN.
        Self(unsafe { _mm256_max_ps(_mm256_setzero_ps(), self.0) })
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        unsafe {
            let words = _mm256_cvttps_epi32(self.0);
            let low = _mm256_castsi256_si128(words);
            let high = _mm256_extracti128_si256::<1>(words);
            let halves = _mm_packs_epi32(low, high);
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(halves, halves));
        }
    }
    #[inline(always)]
    unsafe fn taken(self, winners: *const u8) -> Self {
        unsafe {
            let bytes = _mm_loadl_epi64(winners.cast());
            // NONE is -1 when its sign is kept.
            let none = _mm256_cmpeq_epi32(_mm256_cvtepi8_epi32(bytes), _mm256_set1_epi32(-1));
            Self(_mm256_andnot_ps(_mm256_castsi256_ps(none), self.0))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        unsafe {
            let index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let kept = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), index);
            Self(_mm256_and_ps(_mm256_castsi256_ps(kept), self.0))
        }
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        unsafe {
            let nonzero = _mm256_cmp_ps::<_CMP_NEQ_UQ>(self.0, _mm256_setzero_ps());
            _mm256_movemask_ps(nonzero) as u32
        }
    }
    #[inline(always)]
    unsafe fn store_lookup(table: &[u32; 8], bytes: *const u8, base: u32, to: *mut u32) {
        unsafe {
            let index = _mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes.cast()));
            let table = _mm256_loadu_si256(table.as_ptr().cast());
            let values = _mm256_permutevar8x32_epi32(table, index);
            let values = _mm256_add_epi32(values, _mm256_set1_epi32(base as i32));
            _mm256_storeu_si256(to.cast(), values);
        }
    }
    #[inline(always)]
    unsafe fn equal_bytes(bytes: *const u8, byte: u8) -> u32 {
        unsafe {
            let bytes = _mm_loadl_epi64(bytes.cast());
            let equal = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
            _mm_movemask_epi8(equal) as u32 & 0xff
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY of every block below: the instruction set is enabled and the pointers are valid for
// sixteen elements, by the trait's contract.
#[cfg(target_arch = "x86_64")]
impl Vector for Avx512 {
    const LANES: usize = 16;
    const ROWS: usize = 8;
    const WIDE: bool = true;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn greater(self, other: Self) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0) }
    }
    #[inline(always)]
    unsafe fn is_nan_in(self, other: Self) -> __mmask16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, other.0) }
    }
    #[inline(always)]
    unsafe fn or(a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    unsafe fn replaced(self, mask: __mmask16, then: Self) -> Self {
        Self(unsafe { _mm512_mask_mov_ps(self.0, mask, then.0) })
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // The instruction gives its second operand when either is NaN.
        Self(unsafe { _mm512_max_ps(_mm512_setzero_ps(), self.0) })
    }
    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(self.0));
            _mm_storeu_si128(to.cast(), bytes);
        }
    }
    #[inline(always)]
    unsafe fn taken(self, winners: *const u8) -> Self {
        unsafe {
            let none = Self::equal_bytes(winners, NONE) as u16;
            Self(_mm512_maskz_mov_ps(!none, self.0))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        Self(unsafe { _mm512_maskz_mov_ps((1u16 << count) - 1, self.0) })
    }
    #[inline(always)]
    unsafe fn nonzero(self) -> u32 {
        unsafe {
            u32::from(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(
                self.0,
                _mm512_setzero_ps(),
            ))
        }
    }
    #[inline(always)]
    unsafe fn store_lookup(table: &[u32; 8], bytes: *const u8, base: u32, to: *mut u32) {
        unsafe {
            let index = _mm512_cvtepu8_epi32(_mm_loadu_si128(bytes.cast()));
            let index = _mm512_and_si512(index, _mm512_set1_epi32(7));
            let half = _mm256_loadu_si256(table.as_ptr().cast());
            let table = _mm512_castsi256_si512(half);
            let values = _mm512_permutexvar_epi32(index, table);
            let values = _mm512_add_epi32(values, _mm512_set1_epi32(base as i32));
            _mm512_storeu_si512(to.cast(), values);
        }
    }
    #[inline(always)]
    unsafe fn equal_bytes(bytes: *const u8, byte: u8) -> u32 {
        unsafe {
            let bytes = _mm_loadu_si128(bytes.cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8))) as u32
        }
    }
}
