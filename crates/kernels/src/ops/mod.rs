//! The operations, a file or folder each: the kernel on slices, its form on tensors of the CPU
//! (`on_host`) and as a node of the autodiff graph (`on_graph`).

pub mod activation;
pub mod adam;
pub mod avg_pool;
pub mod batch_norm;
pub mod conv2d;
pub mod conv_relu_pool;
pub mod dropout;
pub mod group_norm;
pub mod linear;
pub mod loss;
pub mod norm_conv2d;
pub mod prelu;
pub mod residual;
