//! Reading the stream of a DynamoDB table: in order, shard by shard, from a place that is kept.
//!
//! A stream here has one open shard at a time, so shards are read one after the other. A place is
//! written when everything before it is done: a crash repeats records but loses none.

mod batch;
mod event;
mod windows;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use api_dynamodbstreams::{
    DescribeStreamInput, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput,
    ShardIteratorType,
};
use kernel::{Ctx, Fault, Timestamp};
use store::{Part, Scan, StoreError};
use tokio::sync::oneshot;

use self::event::Item;
pub(crate) use self::windows::Window;
use super::lender::Lender;
use super::record::{MAPPINGS, Mapping, PLACES, Place, Start};
use super::{Stop, Work};
use crate::invoke::REQUEST_BYTES_MAX;
use pattern::Pattern;

/// How often it is looked whether anything was written at all, while nothing comes.
const LOOK: Duration = Duration::from_millis(200);
/// So many looks without a commit, and the stream is asked all the same: iterators age.
const LOOKS_MAX: u32 = 600;
/// Pauses while the stream cannot be read, first and longest.
const TROUBLE_MS: (u64, u64) = (500, 30_000);
/// DynamoDB gives no more at a time.
const RECORDS_MAX: usize = 1000;

struct Reader {
    work: Work,
    mapping: Mapping,
    filters: Vec<Pattern>,
    lender: Lender,
}

/// What was read of a shard.
struct Gathered {
    items: Vec<Item>,
    /// The sequence number of the last record, wanted or not.
    last: Option<String>,
    /// Where to read on; nothing at the shard's end.
    next: Option<String>,
}

/// Reads until the mapping changes; the batch in flight ends first.
pub(super) async fn read(work: &Work, mapping: Mapping, stop: &Stop) {
    let filters = mapping.settings.filters.iter().filter_map(|text| Pattern::parse(text).ok());
    let reader = Arc::new(Reader {
        work: work.clone(),
        filters: filters.collect(),
        lender: Lender::default(),
        mapping,
    });
    let mut troubles = 0u32;
    while !stop.is_set() {
        let Err(fault) = reader.pass(stop).await else {
            troubles = 0;
            continue;
        };
        if troubles == 0 {
            work.log(format_args!("{}: {fault}", reader.mapping.source_arn));
        }
        let (first, longest) = TROUBLE_MS;
        let pause_ms = (first << troubles.min(10)).min(longest);
        troubles += 1;
        stop.pause(Duration::from_millis(pause_ms)).await;
    }
}

/// The identifiers of a stream's shards, the oldest first. Also shows that the caller may read it.
pub(super) async fn shards(ctx: &Ctx, arn: &str) -> Result<Vec<String>, Fault> {
    let (mut shards, mut from) = (Vec::new(), None);
    loop {
        let input = DescribeStreamInput {
            stream_arn: arn.to_owned(),
            exclusive_start_shard_id: from,
            ..Default::default()
        };
        let answer = ctx.client::<api_dynamodbstreams::Client>().describe_stream(input).await?;
        let stream = answer.stream_description.unwrap_or_default();
        let page = stream.shards.unwrap_or_default();
        shards.extend(page.into_iter().filter_map(|shard| shard.shard_id));
        match stream.last_evaluated_shard_id {
            Some(last) => from = Some(last),
            None => return Ok(shards),
        }
    }
}

impl Reader {
    /// Reads the oldest shard that is not at its end.
    async fn pass(self: &Arc<Self>, stop: &Stop) -> Result<(), Fault> {
        let ctx = self.lender.ctx(&self.work, &self.mapping).await?;
        let shards = shards(&ctx, &self.mapping.source_arn).await?;
        self.forget_others(&shards).await.map_err(Fault::internal)?;
        for shard in &shards {
            let place = self.place(shard).map_err(Fault::internal)?;
            if !place.ended {
                return self.shard(shard, place, stop).await;
            }
        }
        stop.pause(Duration::from_secs(1)).await;
        Ok(())
    }

    async fn shard(self: &Arc<Self>, id: &str, place: Place, stop: &Stop) -> Result<(), Fault> {
        let mut iterator = self.iterator(id, &place).await?;
        while !stop.is_set() {
            let seq = self.work.ctx.store().seq();
            let Gathered { items, last, next } = self.gather(iterator, stop).await?;
            if stop.is_set() {
                break;
            }
            let is_idle = last.is_none();
            if !items.is_empty() && !self.run(items, id, stop).await {
                break;
            }
            // What is gathered is over with its time, and with its shard.
            let over = is_idle && self.window_left(id).is_some_and(|left| left.is_zero());
            if (over || next.is_none()) && !self.close(id, false, stop).await {
                break;
            }
            if last.is_some() || next.is_none() {
                self.keep(id, last, next.is_none()).await;
            }
            let Some(next) = next else { break };
            iterator = next;
            if is_idle {
                self.idle(seq, self.window_left(id), stop).await;
            }
        }
        Ok(())
    }

    /// Waits until something was written since the commit `seq`, or the open window is over.
    async fn idle(&self, seq: u64, window: Option<Duration>, stop: &Stop) {
        let end = window.map(|left| self.work.ctx.elapsed() + left);
        for _ in 0..LOOKS_MAX {
            stop.pause(LOOK).await;
            let is_over = end.is_some_and(|end| self.work.ctx.elapsed() >= end);
            if is_over || stop.is_set() || self.work.ctx.store().seq() != seq {
                return;
            }
        }
    }

    /// Reads until there are whole batches or their window is over.
    async fn gather(&self, iterator: String, stop: &Stop) -> Result<Gathered, Fault> {
        let ctx = &self.work.ctx;
        let settings = &self.mapping.settings;
        let most = (settings.batch.max(1) * settings.parallel.max(1)) as usize;
        let window = Duration::from_secs(settings.window_s.max(0) as u64);
        let mut found = Gathered { items: Vec::new(), last: None, next: Some(iterator) };
        let (mut bytes, mut end) = (0, None);
        while let Some(iterator) = found.next.take() {
            let limit = most.saturating_sub(found.items.len()).clamp(1, RECORDS_MAX);
            let GetRecordsOutput { records, next_shard_iterator } =
                self.records(iterator, limit).await?;
            found.next = next_shard_iterator;
            let records = records.unwrap_or_default();
            let came = !records.is_empty();
            for record in records {
                let event = event::json(&record, &self.mapping.source_arn);
                let item = event::item_of(&record, &event);
                found.last = Some(item.sequence.clone());
                if self.filters.is_empty() || self.filters.iter().any(|f| f.matches(&event)) {
                    bytes += item.text.len();
                    found.items.push(item);
                }
            }
            if found.items.is_empty() || found.items.len() >= most || bytes >= REQUEST_BYTES_MAX {
                break;
            }
            let end = *end.get_or_insert(ctx.elapsed() + window);
            if ctx.elapsed() >= end || stop.is_set() {
                break;
            }
            if !came {
                stop.pause(LOOK.min(end.saturating_sub(ctx.elapsed()))).await;
            }
        }
        Ok(found)
    }

    async fn records(&self, iterator: String, limit: usize) -> Result<GetRecordsOutput, Fault> {
        let ctx = self.lender.ctx(&self.work, &self.mapping).await?;
        let input = GetRecordsInput { shard_iterator: iterator, limit: Some(limit as i32) };
        ctx.client::<api_dynamodbstreams::Client>().get_records(input).await
    }

    /// Whether all of it was done or given up.
    async fn run(self: &Arc<Self>, items: Vec<Item>, shard: &str, stop: &Stop) -> bool {
        let lanes = self.mapping.settings.parallel.max(1) as u64;
        if let Some(length_s) = self.window_s() {
            return self.windows(items, length_s, shard, stop).await;
        }
        if lanes == 1 {
            return self.handle(items, shard, true, stop).await;
        }
        // Records of one item of the table stay in one lane, so they stay in order.
        let mut sorted: Vec<Vec<Item>> = (0..lanes).map(|_| Vec::new()).collect();
        for item in items {
            sorted[(item.key % lanes) as usize].push(item);
        }
        let mut ends = Vec::new();
        for lane in sorted.into_iter().filter(|lane| !lane.is_empty()) {
            let (done, end) = oneshot::channel();
            ends.push(end);
            let (reader, shard, stop) = (self.clone(), shard.to_owned(), stop.clone());
            let kernel = self.work.ctx.kernel().clone();
            self.work.ctx.kernel().spawn(async move {
                tokio::select! {
                    () = kernel.stopping() => {}
                    is_done = reader.handle(lane, &shard, false, &stop) => {
                        let _gone = done.send(is_done);
                    }
                }
            });
        }
        let mut all = true;
        for end in ends {
            all &= end.await.unwrap_or(false);
        }
        all
    }

    async fn iterator(&self, shard: &str, place: &Place) -> Result<String, Fault> {
        let now_ms = self.work.ctx.now().epoch_ms;
        let (kind, number, stamp) = match (&place.after, self.mapping.start) {
            (Some(number), _) => {
                (ShardIteratorType::AfterSequenceNumber, Some(number.clone()), None)
            }
            (None, Some(Start::Latest(at_ms) | Start::At(at_ms))) => {
                let stamp = Timestamp::from_ms(at_ms.min(now_ms));
                (ShardIteratorType::AtTimestamp, None, Some(stamp))
            }
            (None, _) => (ShardIteratorType::TrimHorizon, None, None),
        };
        let ctx = self.lender.ctx(&self.work, &self.mapping).await?;
        let client = ctx.client::<api_dynamodbstreams::Client>();
        let input = |kind| GetShardIteratorInput {
            stream_arn: self.mapping.source_arn.clone(),
            shard_id: shard.to_owned(),
            shard_iterator_type: kind,
            sequence_number: None,
            timestamp: None,
        };
        let first =
            GetShardIteratorInput { sequence_number: number, timestamp: stamp, ..input(kind) };
        let answer = match client.get_shard_iterator(first).await {
            // What came after the place is gone by now: what there is follows.
            Err(fault) if fault.code == "TrimmedDataAccessException" => {
                client.get_shard_iterator(input(ShardIteratorType::TrimHorizon)).await?
            }
            answer => answer?,
        };
        answer.shard_iterator.ok_or_else(|| Fault::internal("no iterator"))
    }

    fn place_key(&self, shard: &str) -> ((String, String, String), String) {
        (self.work.key.clone(), shard.to_owned())
    }

    fn place(&self, shard: &str) -> Result<Place, StoreError> {
        let found = self.work.ctx.store().read(|tx| tx.get(&PLACES, self.place_key(shard)))?;
        Ok(found.unwrap_or_default())
    }

    /// Writes down that everything up to there is done.
    async fn keep(&self, shard: &str, after: Option<String>, ended: bool) {
        self.put_place(shard, |before| Place {
            after: after.clone().or(before.after),
            ended,
            window: before.window,
        })
        .await;
    }

    /// The same, and what the function hands on.
    async fn hand_on(&self, shard: &str, after: Option<String>, window: Option<Window>) {
        self.put_place(shard, |before| Place {
            after: after.clone().or(before.after),
            ended: before.ended,
            window: window.clone(),
        })
        .await;
    }

    async fn put_place(&self, shard: &str, change: impl Fn(Place) -> Place + Sync) {
        let keep = |tx: &mut store::WriteTx| {
            // Everything was deleted meanwhile.
            if tx.get(&MAPPINGS, self.work.key.clone())?.is_none() {
                return Ok(());
            }
            let before = tx.get(&PLACES, self.place_key(shard))?.unwrap_or_default();
            tx.put(&PLACES, self.place_key(shard), &change(before))
        };
        if let Err(error) = self.work.ctx.store().write::<_, StoreError>(keep).await {
            self.work.log(format_args!("the place in {shard} is not kept: {error}"));
        }
    }

    /// Forgets the places of shards that are gone.
    async fn forget_others(&self, shards: &[String]) -> Result<(), StoreError> {
        let known: HashSet<&str> = shards.iter().map(String::as_str).collect();
        let forget = |tx: &mut store::WriteTx| {
            for (key, _) in tx.scan(&PLACES, Scan::prefix(self.work.key.clone()))? {
                let shard = key.parts().and_then(|mut parts| parts.pop());
                if matches!(shard, Some(Part::Text(id)) if !known.contains(id.as_str())) {
                    tx.delete(&PLACES, &key)?;
                }
            }
            Ok(())
        };
        self.work.ctx.store().write(forget).await
    }
}
