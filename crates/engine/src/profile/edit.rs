// SPDX-License-Identifier: LGPL-2.1-or-later
//! A profile's text is changed where the profile differs and nowhere else:
//! comments, the order of keys and how they are written stay.

use super::{parse, to_toml, NotText, Profile};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// The text of `profile`, as a change of `text`. A text that is no profile is
/// replaced.
///
/// # Errors
/// The profile holds bytes that are not text.
pub fn edit(text: &str, profile: &Profile) -> Result<String, NotText> {
    let (Ok(old), Ok(mut document)) = (parse(text), text.parse::<DocumentMut>()) else {
        return write(profile);
    };
    if old == *profile {
        return Ok(text.to_owned());
    }
    change(document.as_table_mut(), &as_table(&old)?, &as_table(profile)?);
    let edited = document.to_string();
    // What a strange spelling of TOML may do to the edit is not to be found
    // out by whoever reads it next.
    if parse(&edited).as_ref() == Ok(profile) {
        Ok(edited)
    } else {
        to_toml(profile)
    }
}

/// The text of a new profile: only what is not as it is by itself.
///
/// # Errors
/// The profile holds bytes that are not text.
pub fn write(profile: &Profile) -> Result<String, NotText> {
    let plain = Profile::new(profile.name.clone(), profile.command.argv.clone());
    let (old, new) = (as_table(&plain)?, as_table(profile)?);
    let mut document = DocumentMut::new();
    for key in ["version", "name", "command"] {
        match new.get(key) {
            Some(Item::Table(command)) => {
                let mut table = Table::new();
                table.extend(command.get("argv").map(|argv| ("argv", argv.clone())));
                document.insert(key, Item::Table(table));
            }
            Some(item) => drop(document.insert(key, item.clone())),
            None => {}
        }
    }
    change(document.as_table_mut(), &old, &new);
    Ok(document.to_string())
}

fn as_table(profile: &Profile) -> Result<Table, NotText> {
    let text = to_toml(profile)?;
    text.parse::<DocumentMut>().map(|document| document.as_table().clone()).map_err(|_| NotText)
}

/// Makes in `target` those changes that lead from `old` to `new`.
fn change(target: &mut dyn TableLike, old: &dyn TableLike, new: &dyn TableLike) {
    let gone: Vec<String> =
        old.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
    for key in gone {
        target.remove(&key);
    }
    for (key, wanted) in new.iter() {
        let before = old.get(key);
        if before.is_some_and(|before| same(before, wanted)) {
            continue;
        }
        match target.get_mut(key) {
            Some(item) => change_item(item, before, wanted),
            None => drop(target.insert(key, fresh(before, wanted))),
        }
    }
}

fn change_item(item: &mut Item, before: Option<&Item>, wanted: &Item) {
    let tables = (before.and_then(Item::as_table_like), wanted.as_table_like());
    if let (Some(target), (Some(before), Some(wanted))) = (item.as_table_like_mut(), tables) {
        return change(target, before, wanted);
    }
    if let (Some(before), Some(wanted)) = (before.and_then(rows), rows(wanted)) {
        match item {
            Item::ArrayOfTables(target) => return change_tables(target, &before, &wanted),
            Item::Value(Value::Array(target)) => return change_array(target, &before, &wanted),
            _ => {}
        }
    }
    if let (Item::Value(target), Item::Value(wanted)) = (&mut *item, wanted) {
        let decor = target.decor().clone();
        *target = wanted.clone();
        *target.decor_mut() = decor;
        return;
    }
    *item = fresh(None, wanted);
}

/// A key that the text does not have yet: of a table only what differs.
fn fresh(before: Option<&Item>, wanted: &Item) -> Item {
    match (before.and_then(Item::as_table_like), wanted.as_table_like()) {
        (Some(before), Some(wanted)) => {
            let mut table = Table::new();
            change(&mut table, before, wanted);
            Item::Table(table)
        }
        _ => match wanted {
            Item::ArrayOfTables(tables) => Item::ArrayOfTables(tables.iter().map(anew).collect()),
            Item::Table(table) => Item::Table(anew(table)),
            other => other.clone(),
        },
    }
}

/// A table without its place in another text.
fn anew(table: &Table) -> Table {
    let mut made = Table::new();
    made.extend(table.iter().map(|(key, item)| (key.to_owned(), item.clone())));
    made
}

/// The rows of a list of tables, however it is written.
fn rows(item: &Item) -> Option<Vec<Table>> {
    match item {
        Item::ArrayOfTables(tables) => Some(tables.iter().cloned().collect()),
        Item::Value(Value::Array(array)) => {
            let row = |value: &Value| value.as_inline_table().map(|table| table.clone().into_table());
            array.iter().map(row).collect()
        }
        _ => None,
    }
}

/// Where each of the new rows was before: the same one, else the one that
/// stood in its place and is not found elsewhere.
fn origins(before: &[Table], wanted: &[Table]) -> Vec<Option<(usize, bool)>> {
    let mut free: Vec<bool> = vec![true; before.len()];
    let mut found: Vec<Option<(usize, bool)>> = vec![None; wanted.len()];
    for (origin, row) in found.iter_mut().zip(wanted) {
        let index = (0..before.len()).find(|index| free[*index] && same_tables(&before[*index], row));
        if let Some(index) = index {
            free[index] = false;
            *origin = Some((index, true));
        }
    }
    for (index, origin) in found.iter_mut().enumerate() {
        if origin.is_none() && free.get(index) == Some(&true) {
            free[index] = false;
            *origin = Some((index, false));
        }
    }
    found
}

fn change_tables(target: &mut ArrayOfTables, before: &[Table], wanted: &[Table]) {
    let written: Vec<Table> = target.iter().cloned().collect();
    let first = written.iter().filter_map(Table::position).min();
    let mut made = ArrayOfTables::new();
    for (origin, row) in origins(before, wanted).into_iter().zip(wanted) {
        let old = origin.and_then(|(index, same)| Some((written.get(index)?, &before[index], same)));
        let mut table = match old {
            Some((written, _, true)) => written.clone(),
            Some((written, before, false)) => {
                let mut table = written.clone();
                change(&mut table, before, row);
                table
            }
            None => anew(row),
        };
        // Rows may have changed places, and the writer sorts by position.
        if let Some(position) = first {
            table.set_position(position);
        }
        made.push(table);
    }
    *target = made;
}

fn change_array(target: &mut Array, before: &[Table], wanted: &[Table]) {
    let written: Vec<Value> = target.iter().cloned().collect();
    let inline = |row: &Table| Value::InlineTable(row.clone().into_inline_table());
    let mut made: Vec<Value> = Vec::new();
    for (origin, row) in origins(before, wanted).into_iter().zip(wanted) {
        let old = origin.and_then(|(index, same)| Some((written.get(index)?, &before[index], same)));
        made.push(match old {
            Some((written, _, true)) => written.clone(),
            Some((Value::InlineTable(written), before, false)) => {
                let mut table: InlineTable = written.clone();
                change(&mut table, before, row);
                Value::InlineTable(table)
            }
            _ => inline(row),
        });
    }
    target.clear();
    made.into_iter().for_each(|value| target.push_formatted(value));
}

fn same(one: &Item, other: &Item) -> bool {
    match (one, other) {
        (Item::Value(one), Item::Value(other)) => same_values(one, other),
        (Item::ArrayOfTables(one), Item::ArrayOfTables(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_tables(one, other))
        }
        _ => match (one.as_table_like(), other.as_table_like()) {
            (Some(one), Some(other)) => same_tables(one, other),
            _ => false,
        },
    }
}

fn same_tables(one: &dyn TableLike, other: &dyn TableLike) -> bool {
    one.len() == other.len()
        && one.iter().all(|(key, item)| other.get(key).is_some_and(|other| same(item, other)))
}

/// Both were written by the same hand, so text and numbers compare as such.
fn same_values(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.value() == other.value(),
        (Value::Integer(one), Value::Integer(other)) => one.value() == other.value(),
        (Value::Boolean(one), Value::Boolean(other)) => one.value() == other.value(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_values(one, other))
        }
        (Value::InlineTable(one), Value::InlineTable(other)) => same_tables(one, other),
        _ => false,
    }
}
