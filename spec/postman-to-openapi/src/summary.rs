//! Notes summarized so that they stay readable for hundreds of requests: one line per topic.

use crate::Note;

/// The number of places listed per topic.
const NAMED: usize = 3;

/// One line per topic, in order of first occurrence, with the number of notes and the first places.
pub fn summary(notes: &[Note]) -> Vec<String> {
    let mut topics: Vec<(&Note, Vec<&Note>)> = Vec::new();
    for note in notes {
        match topics.iter_mut().find(|(first, _)| (first.effect, first.topic) == (note.effect, note.topic)) {
            Some((_, notes)) => notes.push(note),
            None => topics.push((note, vec![note])),
        }
    }
    let line = |(first, notes): (&Note, Vec<&Note>)| {
        if notes.len() == 1 {
            return first.to_string();
        }
        let places: Vec<&str> = notes
            .iter()
            .take(NAMED)
            .map(|note| if note.place.is_empty() { note.text.as_str() } else { note.place.as_str() })
            .collect();
        let more = match notes.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("; and {more} more (listed with --verbose)"),
        };
        format!("{}: {} ({} times): {}{more}", first.effect, first.topic, notes.len(), places.join("; "))
    };
    topics.into_iter().map(line).collect()
}
