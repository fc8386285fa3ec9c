//! What to do about an answer that is not a success: the second half of its error's sentence.

use reqwest::header::LOCATION;

use crate::answer::HttpAnswer;
use crate::envelope::Envelope;
use crate::limit::{Kind, Limit, Wait};
use crate::retry::{Ending, Stop};
use crate::sentence::{LONGEST_QUOTATION, how_long, instant, quoted, shortened};

/// What is known about an answer that is not a success, besides the answer itself.
#[derive(Default)]
pub(crate) struct Judgement {
    pub limit: Option<(Limit, Stop)>,
    /// What to do about it, if the answer itself does not say.
    pub advice: Option<String>,
    /// Whether the body asked for a start.
    pub is_start: bool,
    /// Whether the token was a new one, fetched because Zoom had refused another.
    pub is_new_token: bool,
    /// Whether the credentials of a token request are wrong.
    pub is_unauthorized: bool,
}

/// What to do about an answer, which may quote `secrets`.
pub(crate) fn advice(answer: &HttpAnswer, judgement: &Judgement, secrets: &[String]) -> Option<String> {
    let HttpAnswer { envelope, status, .. } = answer;
    let is = |code| envelope.is(&[code]);
    let (refuses_token, is_not_live) = (answer.refuses_token(), envelope.is_not_live());
    let known = [
        // Its target is not quoted: it may contain a password or a token.
        (status.is_redirection() && answer.headers.contains_key(LOCATION), NOT_FOLLOWED),
        (is(4711) || !envelope.missing_scopes().is_empty(), ADD_A_SCOPE),
        (is(4738), "An administrator has turned the app off for this user"),
        (refuses_token && judgement.is_new_token, REFUSED_AGAIN),
        (refuses_token, "Get a new access token: Zoom's tokens expire after an hour"),
        (
            is_not_live && judgement.is_start,
            "The host has to start it first; a webinar must also have left its practice session",
        ),
        (is_not_live, "It is not live, so there is nothing to stop or change"),
        (is(3000), "Meetings and webinars have operations of their own: check which of them has this ID"),
        (is(2300), "Check the base URL: Zoom's is https://api.zoom.us/v2"),
        (is(403), "The host has to allow the app shared access to their meetings"),
    ];
    let known = known.into_iter().find_map(|(applies, advice)| applies.then(|| advice.to_owned()));
    let of_limit = || judgement.limit.as_ref().map(|(limit, stop)| about_limit(stop, limit));
    let is_zooms = answer.flaw.is_some() || *envelope != Envelope::default();
    let of_body = || (!is_zooms).then(|| about_body(answer, secrets));
    judgement.advice.clone().or_else(of_limit).or(known).or_else(of_body)
}

const NOT_FOLLOWED: &str =
    "It redirects elsewhere, and this client does not follow redirects: `Error::headers` has its `location`";

const ADD_A_SCOPE: &str = "Add one of these scopes to the app on Zoom's App Marketplace (a server-to-server app needs the one that ends in \
     `:admin`), then get a new access token; a new scope can take a while";
const REFUSED_AGAIN: &str =
    "A new access token was refused as well: check on Zoom's App Marketplace that the app is active";

fn about_limit(stop: &Stop, limit: &Limit) -> String {
    let not_resent = |why: &str| format!("It was not sent again because {why}");
    // What the same words follow if Zoom said how long to wait, and if it did not.
    let (asked, unasked, words) = match stop {
        Stop::DailyLimit => {
            let whose = if limit.kind == Kind::DailyOfUser { "user" } else { "account" };
            return format!("The {whose}'s daily limit is used up; it resets at {}", instant(limit.wait.until));
        }
        Stop::Ended(Ending::Declined(reason)) => return not_resent(&shortened(reason, LONGEST_QUOTATION)),
        Stop::Ended(Ending::Done) => return not_resent("the retry policy's `unless` says that it is done"),
        Stop::Declined => return not_resent("the retry policy's `check` declined"),
        Stop::CheckTooSlow => {
            return not_resent("the retry policy's `check` did not answer before the call's deadline");
        }
        Stop::NoRetryLeft => ("and ", "", "the retry policy allows no more retries"),
        Stop::WaitTooLong => ("", "any wait is ", "longer than the retry policy's `max_wait`"),
        Stop::PastDeadline => ("which ", "a wait ", "would end after the call's deadline"),
    };
    match limit.asked_by {
        Some(who) => format!("{}, {asked}{words}", asks_to_wait(who, limit.wait)),
        None => format!("Zoom did not say how long to wait, and {unasked}{words}"),
    }
}

pub(crate) fn asks_to_wait(who: &str, wait: Wait) -> String {
    format!("{who} asks you to wait {}", how_long(wait.time, wait.until))
}

/// A hint about a body that is not Zoom's envelope.
fn about_body(answer: &HttpAnswer, secrets: &[String]) -> String {
    let of = answer.media_type().map_or_else(String::new, |of| quoted(of, secrets, 60) + ", ");
    let who = if answer.is_zooms() { "" } else { ": a proxy or gateway may have answered instead of Zoom" };
    if answer.body.is_empty() {
        format!("Its body is empty{who}")
    } else {
        format!("Its body is {of}not Zoom's error envelope{who}. `Error::body` has what it sent")
    }
}
