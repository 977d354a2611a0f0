//! Tables, scans, events, timers and clearing, one after the other.

use std::ops::ControlFlow;

use crate::support::{block_on, stores};
use store::{Key, RawTable, Scan, Store, StoreError, Table};

const NUMBERS: Table<u64> = Table::new("test/number");
const RAW: RawTable = RawTable::new("test/raw");

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn write_future_is_send() {
    let store = Store::memory();
    drop(assert_send(store.write(|tx| tx.put(&NUMBERS, "a", &1))));
}

#[test]
fn reads_own_writes_and_scans_both_ways() {
    for (_dir, store) in stores() {
        for n in 0..100u64 {
            store.write_blocking(|tx| tx.put(&NUMBERS, ("x", n), &n)).unwrap();
        }
        store
            .write_blocking(|tx| {
                tx.put(&NUMBERS, ("x", 200u64), &200)?;
                tx.delete(&NUMBERS, ("x", 50u64))?;
                tx.put(&NUMBERS, ("x", 3u64), &33)?;
                let up = tx.scan(&NUMBERS, Scan::prefix("x"))?;
                assert_eq!(up.len(), 100);
                assert_eq!(up[3].1, 33);
                assert_eq!(up.last().map(|(_, n)| *n), Some(200));
                let down =
                    tx.scan(&NUMBERS, Scan::prefix("x").reverse().after(("x", 52u64)).limit(2))?;
                assert_eq!(down.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [51, 49]);
                assert_eq!(tx.get(&NUMBERS, ("x", 50u64))?, None);
                Ok::<_, StoreError>(())
            })
            .unwrap();
        let between = store
            .read(|tx| tx.scan(&NUMBERS, Scan::prefix("x").ge(("x", 10u64)).lt(("x", 13u64))))
            .unwrap();
        assert_eq!(between.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [10, 11, 12]);
    }
}

#[test]
fn raw_scan_stops_when_told() {
    for (_dir, store) in stores() {
        store
            .write_blocking(|tx| {
                for n in 0..10u64 {
                    tx.put_raw(&RAW, (b"p".as_slice(), n), vec![n as u8])?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
        let mut seen = Vec::new();
        let mut last = Vec::new();
        store
            .read(|tx| {
                tx.scan_raw(&RAW, &Scan::prefix(b"p".as_slice()), &mut |key, value| {
                    seen.push(value[0]);
                    last = key.to_vec();
                    if seen.len() == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
            })
            .unwrap();
        assert_eq!(seen, [0, 1, 2, 3]);
        let next = Scan::prefix(b"p".as_slice()).after(Key::from_bytes(last)).limit(1);
        store
            .read(|tx| {
                tx.scan_raw(&RAW, &next, &mut |_, value| {
                    assert_eq!(value[0], 4);
                    ControlFlow::Continue(())
                })
            })
            .unwrap();
    }
}

#[test]
fn events_and_timers_commit_with_the_state() {
    for (_dir, store) in stores() {
        let failed: Result<(), StoreError> = store.write_blocking(|tx| {
            tx.emit("t", "k", &1)?;
            Err(StoreError::Closed)
        });
        assert!(failed.is_err());
        let timer = store
            .write_blocking(|tx| {
                tx.emit("t", "k", &2)?;
                tx.emit("t", "k", &3)?;
                tx.schedule(500, "later", "x")?;
                tx.schedule(300, "sooner", "y")
            })
            .unwrap();
        let events = store.read(|tx| tx.events(None, 10)).unwrap();
        assert_eq!(events.iter().map(|e| e.payload::<u64>().unwrap()).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(store.read(|tx| tx.next_due_ms()).unwrap(), Some(300));
        let due = store.read(|tx| tx.due(300, 10)).unwrap();
        assert_eq!((due.len(), due[0].id, due[0].kind.as_str()), (1, timer, "sooner"));
        store
            .write_blocking(|tx| {
                assert!(tx.ack_event(events[0].id)?);
                assert!(tx.retry_event(events[1].id, 900, "no luck")?);
                assert!(tx.retry_timer(timer, 600, "no luck")?);
                Ok::<_, StoreError>(())
            })
            .unwrap();
        let events = store.read(|tx| tx.events(None, 10)).unwrap();
        assert_eq!((events.len(), events[0].attempts, events[0].not_before_ms), (1, 1, 900));
        assert_eq!(store.read(|tx| tx.next_due_ms()).unwrap(), Some(500));
        assert!(store.write_blocking(|tx| tx.cancel(timer)).unwrap());
        assert!(!store.write_blocking(|tx| tx.ack_timer(timer)).unwrap());
        assert_eq!(store.read(|tx| tx.due(9_999, 10)).unwrap().len(), 1);
    }
}

#[test]
fn oversized_keys_and_values_are_refused() {
    for (_dir, store) in stores() {
        let long = "x".repeat(store::KEY_BYTES_MAX);
        let refused = store.write_blocking(|tx| tx.put(&NUMBERS, &long, &1));
        assert!(matches!(refused, Err(StoreError::KeyTooLong { .. })), "{refused:?}");
        assert_eq!(store.read(|tx| tx.get(&NUMBERS, &long)).unwrap(), None);
        let big = vec![0; store::VALUE_BYTES_MAX + 1];
        let refused = store.write_blocking(|tx| tx.put_raw(&RAW, "a", big.clone()));
        assert!(matches!(refused, Err(StoreError::ValueTooLong { .. })), "{refused:?}");
    }
}

/// The longest keys and large values make the way to disk and back.
#[test]
fn limits_can_be_used() {
    for (_dir, store) in stores() {
        let long = "x".repeat(store::KEY_BYTES_MAX - 20);
        let big = vec![7; 5_000_000];
        store.write_blocking(|tx| tx.put_raw(&RAW, &long, big.clone())).unwrap();
        assert_eq!(store.read(|tx| tx.get_raw(&RAW, &long)).unwrap().as_deref(), Some(&big[..]));
    }
}

/// A value that is no record of the type is an error that names table and key, not the value.
#[test]
fn a_value_of_another_shape_is_a_loud_error() {
    const TEXTS: Table<String> = Table::new("test/number");
    for (_dir, store) in stores() {
        store.write_blocking(|tx| tx.put(&TEXTS, ("a", 5u64), &"secret".to_owned())).unwrap();
        let error = store.read(|tx| tx.get(&NUMBERS, ("a", 5u64))).unwrap_err().to_string();
        assert!(error.contains("test/number") && error.contains("\"a\", 5"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// The commit itself wakes, even when nobody waits for it any more.
#[test]
fn events_wake_though_the_writer_gave_up() {
    for (_dir, store) in stores() {
        let mut write = Box::pin(store.write(|tx| tx.emit("t", "k", &1)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = write.as_mut().poll(&mut context);
        drop(write);
        block_on(store.emitted());
        assert_eq!(store.read(|tx| tx.events(None, 9)).unwrap().len(), 1);
    }
}

/// Events are found wherever they are, whatever the store remembers about where they begin.
#[test]
fn events_come_and_go_in_order() {
    for (_dir, store) in stores() {
        let emit = |n: u64| {
            store.write_blocking(|tx| tx.emit("t", "k", &n)).unwrap();
        };
        let pending = || -> Vec<u64> {
            let events = store.read(|tx| tx.events(None, 100)).unwrap();
            events.iter().map(|event| event.payload().unwrap()).collect()
        };
        let ack = |at: usize| {
            let id = store.read(|tx| tx.events(None, 100)).unwrap()[at].id;
            assert!(store.write_blocking(|tx| tx.ack_event(id)).unwrap());
            assert!(!store.write_blocking(|tx| tx.ack_event(id)).unwrap());
        };
        assert!(pending().is_empty());
        (1..=4).for_each(emit);
        store.read(|old| {
            ack(1);
            ack(0);
            assert_eq!(pending(), [3, 4]);
            assert_eq!(old.events(None, 100).unwrap().len(), 4, "an old snapshot");
        });
        ack(0);
        ack(0);
        assert!(pending().is_empty());
        emit(5);
        assert_eq!(pending(), [5]);
        // An acknowledgement that does not commit leaves the event.
        let failed: Result<(), StoreError> = store.write_blocking(|tx| {
            let id = tx.events(None, 1)?[0].id;
            tx.ack_event(id)?;
            assert_eq!(tx.events(None, 1)?.len(), 0);
            Err(StoreError::Closed)
        });
        assert!(failed.is_err());
        assert_eq!(pending(), [5]);
        block_on(store.clear()).unwrap();
        assert!(pending().is_empty());
        emit(6);
        assert_eq!(pending(), [6]);
    }
}
