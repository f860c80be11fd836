//! Of equal numbers in a window the first wins, and ReLU passes no gradient at exactly zero: as
//! PyTorch has it.

use runner::kernels::Rectifier;
use runner::kernels::conv_relu_pool::ConvReluPoolGeometry;
use runner::kernels::{self, Conv2dGeometry, MemoryFormat, PoolGeometry};

use super::{FORMATS, assert_close, differentiate, images, tensor};

#[test]
fn the_first_of_equals_wins() {
    for kernel in [2, 3] {
        for [low, high] in [
            [1.0, 2.0],
            [-1.0, 2.0],
            [0.0, 1.0],
            [-1.0, 0.0],
            [-2.0, -1.0],
        ] {
            for channels in [1, 5, 8, 16, 17, 70] {
                for format in FORMATS {
                    assert_first_wins(kernel, [low, high], channels, format);
                }
            }
        }
    }
}

/// Every way to fill a window with two numbers, one image each, for channels that are all alike.
#[track_caller]
fn assert_first_wins(kernel: usize, [low, high]: [f32; 2], channels: usize, format: MemoryFormat) {
    let places = kernel * kernel;
    let count = 1 << places;
    let window = |pattern: usize| {
        (0..places).map(move |place| if pattern >> place & 1 == 1 { high } else { low })
    };
    let x: Vec<f32> = (0..count).flat_map(window).collect();
    let geometry = ConvReluPoolGeometry {
        conv2d: pointwise(channels, [kernel; 2]),
        pool: PoolGeometry {
            kernel_size: [kernel; 2],
            stride: [kernel; 2],
            padding: [0, 0],
        },
    };
    let dy: Vec<f32> = (1..=count * channels).map(|number| number as f32).collect();
    let results = differentiate(
        images(&x, [count, 1, kernel, kernel], format),
        tensor(&vec![1.0; channels], [channels, 1, 1, 1]),
        None,
        &dy,
        format,
        |x, weight, bias| kernels::conv_relu_pool(x, weight, bias, geometry, None),
    );

    let (mut y, mut dx) = (Vec::new(), vec![0.0; x.len()]);
    let windows = x.chunks_exact(places).zip(dx.chunks_exact_mut(places));
    for ((window, dx), dy) in windows.zip(dy.chunks_exact(channels)) {
        let most = window.iter().copied().fold(0.0, f32::max);
        y.extend(vec![most; channels]);
        if most > 0.0 {
            let first = window.iter().position(|value| *value == most).unwrap();
            dx[first] = dy.iter().sum();
        }
    }
    let what = format!("{kernel}x{kernel} of {low} and {high}, {channels} channels, {format:?}");
    assert_close(&format!("y, {what}"), &results.y, &y, 0.0);
    // Sums of 70 whole numbers may not be exact.
    assert_close(&format!("dx, {what}"), &results.dx, &dx, 1e-6);
}

#[test]
fn relu_passes_no_gradient_at_zero() {
    let x = [-1.0, -0.0, 0.0, 1e-30, -1e-30, 2.0];
    for channels in [1, 5, 8, 16, 17] {
        let geometry = pointwise(channels, [1, 3]);
        for format in FORMATS {
            let results = differentiate(
                images(&x, [2, 1, 1, 3], format),
                tensor(&vec![1.0; channels], [channels, 1, 1, 1]),
                Some(tensor(&vec![0.0; channels], [channels])),
                &vec![1.0; 6 * channels],
                format,
                |x, weight, bias| kernels::conv2d(x, weight, bias, geometry, Some(Rectifier::Relu)),
            );
            let passed = [0.0, 0.0, 0.0, 1.0, 0.0, 1.0];
            let dx = passed.map(|one| one * channels as f32);
            let what = format!("{channels} channels, {format:?}");
            assert_close(&format!("dx, {what}"), &results.dx, &dx, 0.0);
            assert_close(
                &format!("dw, {what}"),
                &results.dw,
                &vec![2.0; channels],
                0.0,
            );
            let db = results.db.unwrap();
            assert_close(&format!("db, {what}"), &db, &vec![2.0; channels], 0.0);
        }
    }
}

/// One channel of images of a size, to so many.
fn pointwise(out_channels: usize, size: [usize; 2]) -> Conv2dGeometry {
    Conv2dGeometry {
        in_channels: 1,
        out_channels,
        size,
        kernel_size: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    }
}
