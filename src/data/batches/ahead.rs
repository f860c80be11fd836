//! Work that is prepared while other work is done.

use std::ops::Range;
use std::sync::mpsc;

/// Calls `work` with what `get` makes of each number, each made by another thread while `work` is busy with the one
/// before it.
pub fn ahead<T: Send, R>(
    numbers: Range<usize>,
    get: impl Fn(usize) -> T + Sync,
    work: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    std::thread::scope(|scope| {
        // The channel has no buffer: exactly one is ready and waits.
        let (sender, receiver) = mpsc::sync_channel(0);
        let (all, get) = (numbers.clone(), &get);
        let prepare = move || {
            for number in all {
                if sender.send(get(number)).is_err() {
                    return;
                }
            }
        };
        let helper = std::thread::Builder::new().name("batches".to_owned());
        match helper.spawn_scoped(scope, prepare) {
            Ok(_) => work(&mut receiver.into_iter()),
            // No thread could be started: prepare on this one.
            Err(_) => work(&mut numbers.map(get)),
        }
    })
}
