//! Notes as a person can read them at hundreds of requests: those of one topic in one line.

use crate::Note;

/// Places named for each topic.
const NAMED: usize = 3;

/// One line for every topic, in the order they were first met, each with its count and its first places.
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
            more => format!("; and {more} more, which --verbose lists"),
        };
        format!("{}: {} times: {}: {}{more}", first.effect, notes.len(), first.topic, places.join("; "))
    };
    topics.into_iter().map(line).collect()
}
