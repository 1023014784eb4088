// SPDX-License-Identifier: LGPL-2.1-or-later
//! A document, as PDF, that tells where it is clicked: each place is a link to
//! an address that says which. On the pages behind are words to be found.

use std::fmt::Write;

/// No screen of the tests is larger, in pixels: points, at 72 of them an inch.
const WIDTH: u32 = 4000;
const HEIGHT: u32 = 2400;
/// The side of a place, and how many are beside each other in a corner.
const SIDE: u32 = 6;
const MANY: u32 = 6;

/// The document for a screen of that size: links in its corners and its middle
/// to `http://click/root:(X,Y)`, then a page for each of the words.
pub fn document((width, height): (u32, u32), words: &[&str]) -> String {
    let last = 3 + words.len();
    let pages: String = (3..=last).map(|page| format!("{page} 0 R ")).collect();
    let font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Kids [{pages}] /Count {} /MediaBox [0 0 {WIDTH} {HEIGHT}] \
             /Resources << /Font << /F {font} >> >> >>",
            words.len() + 1
        ),
    ];
    for page in 3..=last {
        let links = if page == 3 { links(width, height) } else { String::new() };
        let content = page + words.len() + 1;
        objects.push(format!("<< /Type /Page /Parent 2 0 R /Contents {content} 0 R /Annots [{links}] >>"));
    }
    for text in std::iter::once(&"Where it is clicked").chain(words) {
        let text = format!("BT /F 40 Tf 100 {} Td ({text}) Tj ET", HEIGHT - 200);
        objects.push(format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()));
    }
    file(&objects)
}

/// A link for each place. PDF's rows are counted from below.
fn links(width: u32, height: u32) -> String {
    let (right, lower) = (width - MANY * SIDE, height - MANY * SIDE);
    let corners = [(0, 0), (right, 0), (0, lower), (right, lower), (right / 2, lower / 2)];
    let mut links = String::new();
    for (left, upper) in corners {
        for at in 0..MANY * MANY {
            let (x, y) = (left + at % MANY * SIDE, upper + at / MANY * SIDE);
            let (across, down) = (x + SIDE / 2, y + SIDE / 2);
            let area = format!("[{x} {} {} {}]", HEIGHT - y - SIDE, x + SIDE, HEIGHT - y);
            let action = format!("<< /S /URI /URI (http://click/root:\\({across},{down}\\)) >>");
            let _ =
                writeln!(links, "<< /Type /Annot /Subtype /Link /Border [0 0 0] /Rect {area} /A {action} >>");
        }
    }
    links
}

/// Objects, numbered from one, with the table that says where each lies.
fn file(objects: &[String]) -> String {
    let (mut out, mut places) = (String::from("%PDF-1.4\n"), String::new());
    for (at, object) in objects.iter().enumerate() {
        let _ = writeln!(places, "{:010} 00000 n ", out.len());
        let _ = writeln!(out, "{} 0 obj\n{object}\nendobj", at + 1);
    }
    let (table, count) = (out.len(), objects.len() + 1);
    let _ = write!(out, "xref\n0 {count}\n0000000000 65535 f \n{places}");
    let _ = write!(out, "trailer << /Size {count} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    out
}
