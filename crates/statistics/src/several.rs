//! P values of several tests at once.

/// P values after Holm's correction (S. Holm, "A simple sequentially rejective multiple test procedure", 1979), in the
/// order of the tests: the chance that any of those below 0.05 is wrong is at most 0.05.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (rank, test) in order.into_iter().enumerate() {
        largest = largest.max(p[test] * (p.len() - rank) as f64).min(1.0);
        corrected[test] = largest;
    }
    corrected
}
