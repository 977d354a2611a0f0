//! Sandboxes without work: how much memory they may use together, and for how long they stay.

use std::time::Duration;

use crate::support::{Cloud, function, installed, text};

const MB: u64 = 1 << 20;

/// Functions that keep so many megabytes and answer with their process' number.
fn hoarder(name: &str, mb: u32) -> api_lambda::CreateFunctionRequest {
    let source = format!(
        "import os\nkept = bytearray({mb} << 20)\nfor at in range(0, len(kept), 4096): kept[at] = 1\n\
         born = os.urandom(8).hex()\ndef handler(event, context): return born\n"
    );
    function(name, "python3.11", "app.handler", &[("app.py", source.as_str())])
}

async fn born(cloud: &Cloud, name: &str) -> String {
    text(&cloud.invoke(name, "{}").await)
}

#[tokio::test]
async fn the_longest_unused_make_room() {
    if !installed("python3.11") {
        return;
    }
    let cloud = Cloud::with(|options| {
        options.proactive = false;
        // Two of them fit, three do not.
        options.idle_bytes_max = 170 * MB;
    });
    let mut first = Vec::new();
    for name in ["one", "two", "three"] {
        cloud.create(hoarder(name, 60)).await;
        first.push(born(&cloud, name).await);
    }
    // The third is accounted for after its answer: a moment later the first has gone.
    for _ in 0..600 {
        if born(&cloud, "three").await == first[2] && born(&cloud, "two").await == first[1] {
            break;
        }
        cloud.ctx.sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(born(&cloud, "two").await, first[1], "it was used later than the first");
    assert_eq!(born(&cloud, "three").await, first[2]);
    assert_ne!(born(&cloud, "one").await, first[0], "it had to make room");
    cloud.stop().await;
}

#[tokio::test]
async fn one_that_is_too_large_does_not_stay() {
    if !installed("python3.11") {
        return;
    }
    let cloud = Cloud::with(|options| options.idle_bytes_max = MB);
    cloud.create(hoarder("one", 8)).await;
    let mut all = std::collections::HashSet::new();
    for _ in 0..4 {
        all.insert(born(&cloud, "one").await);
        // It may be asked once more before it is known how large it is.
        cloud.ctx.sleep(Duration::from_millis(300)).await;
    }
    assert!(all.len() >= 2, "{all:?}");
    cloud.stop().await;
}
