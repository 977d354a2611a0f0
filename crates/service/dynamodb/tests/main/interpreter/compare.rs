//! Holds the interpreter against the real expressions.

use service_dynamodb::expression::{Document, ExpressionKind, Nothing, Placeholders};
use service_dynamodb::item::{StoredItem, encode};

use super::dice::Dice;
use super::plain::real_item;
use super::text::Writer;
use super::tree::Maker;
use super::{condition, update};

/// Levels of AND, OR and NOT.
const CONDITION_LEVELS: usize = 4;
/// Levels of lists and maps in items.
const ITEM_LEVELS: usize = 3;

/// Makes a condition and an item and compares; whether the condition holds, if it can be at all.
pub fn check_condition(dice: &mut Dice<'_>) -> Option<bool> {
    let item = dice.map(ITEM_LEVELS);
    let mut maker = Maker { dice, item };
    let tree = maker.condition(CONDITION_LEVELS);
    let item = maker.item;
    let mut writer = Writer::new(dice);
    let text = writer.condition(&tree, false);
    let (names, values) = (writer.names, writer.values);
    let given = format!("{text}\n{values:?}\n{item:?}");
    let some = |all: Vec<_>| (!all.is_empty()).then_some(all);
    let names = (!names.is_empty()).then_some(names);
    let mut placeholders = Placeholders::new(names, some(values)).expect("placeholders");
    let real = placeholders.condition(ExpressionKind::Condition, &text);
    assert_eq!(real.is_ok(), condition::is_valid(&tree), "{given}\n{real:?}");
    let real = real.ok()?;
    placeholders.check_all_used().expect("nothing unused");
    let expected = condition::holds(&tree, &item);
    let bytes = encode(&real_item(&item));
    let stored = StoredItem::new(&bytes).expect("an item");
    let documents: [(&str, &dyn Document); 2] = [("item", &real_item(&item)), ("stored", &stored)];
    for (kind, document) in documents {
        assert_eq!(real.holds(document).ok(), Some(expected), "{kind}: {given}");
    }
    let of_nothing = condition::holds(&tree, &Default::default());
    assert_eq!(real.holds(&Nothing).ok(), Some(of_nothing), "nothing: {given}");
    Some(expected)
}

/// Makes an update and an item and compares; whether the update can be done.
pub fn check_update(dice: &mut Dice<'_>) -> bool {
    let item = dice.map(ITEM_LEVELS);
    let mut maker = Maker { dice, item };
    let tree = maker.actions();
    let item = maker.item;
    let mut writer = Writer::new(dice);
    let text = writer.update(&tree);
    let (names, values) = (writer.names, writer.values);
    let given = format!("{text}\n{values:?}\n{item:?}");
    let names = (!names.is_empty()).then_some(names);
    let values = (!values.is_empty()).then_some(values);
    let mut placeholders = Placeholders::new(names, values).expect("placeholders");
    let real = placeholders.update(&text);
    assert_eq!(real.is_ok(), update::is_valid(&tree), "{given}\n{real:?}");
    let Ok(real) = real else { return false };
    placeholders.check_all_used().expect("nothing unused");
    let mut is_done = true;
    for (exists, before) in [(true, item), (false, Default::default())] {
        let expected = update::apply(&tree, exists.then_some(&before));
        let mut after = real_item(&before);
        let done = real.apply(&mut after, exists);
        assert_eq!(done.is_ok(), expected.is_ok(), "exists: {exists}: {given}\n{done:?}");
        if let Ok(expected) = expected {
            assert_eq!(after, real_item(&expected), "exists: {exists}: {given}");
        }
        is_done &= done.is_ok() || !exists;
    }
    is_done
}
