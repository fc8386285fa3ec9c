//! The settings, from the environment and the accounts file.

use std::collections::BTreeMap;

use serde::Deserialize;
use zoom_livestream::events::Verifier;
use zoom_livestream::{Client, RetryPolicy, Secret, ServerToServer};

pub struct Config {
    pub listen: String,
    pub redis_url: String,
    base_url: Option<String>,
    token_url: Option<String>,
    accounts: BTreeMap<String, Account>,
}

/// One account's app on Zoom's App Marketplace.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    account_id: String,
    client_id: String,
    client_secret: Secret,
    /// The secret with which Zoom signs this app's events.
    secret_token: Secret,
}

impl Config {
    /// # Errors
    /// The accounts file cannot be read, or lists no account.
    pub fn from_env() -> Result<Self, String> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = variable("ACCOUNTS").unwrap_or_else(|| "accounts.json".to_owned());
        let file = std::fs::read(&path)
            .map_err(|error| format!("the accounts file {path} cannot be read ({error}): set ACCOUNTS to its path"))?;
        let accounts: BTreeMap<String, Account> = serde_json::from_slice(&file).map_err(|error| {
            format!("the accounts file {path} does not have the form described in README.md: {error}")
        })?;
        if accounts.is_empty() {
            return Err(format!("the accounts file {path} lists no account"));
        }
        Ok(Self {
            listen: variable("LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            redis_url: variable("REDIS_URL").unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned()),
            base_url: variable("ZOOM_BASE_URL"),
            token_url: variable("ZOOM_TOKEN_URL"),
            accounts,
        })
    }

    /// A client for each account. They are one client with different token sources: connections and settings are shared.
    ///
    /// # Errors
    /// An account's credentials cannot be used, or TLS cannot be set up.
    pub fn clients(&self, policy: &RetryPolicy) -> Result<BTreeMap<String, Client>, zoom_livestream::Error> {
        let mut shared: Option<Client> = None;
        let mut clients = BTreeMap::new();
        for (name, account) in &self.accounts {
            let source = self.token_source(account);
            let client = match &shared {
                Some(client) => client.with_token_source(source)?,
                None => self.first_client(source, policy)?,
            };
            shared.get_or_insert_with(|| client.clone());
            clients.insert(name.clone(), client);
        }
        Ok(clients)
    }

    fn first_client(&self, source: ServerToServer, policy: &RetryPolicy) -> Result<Client, zoom_livestream::Error> {
        let builder = Client::builder().token_source(source).retry(policy.clone());
        match &self.base_url {
            Some(url) => builder.base_url(url).build(),
            None => builder.build(),
        }
    }

    fn token_source(&self, account: &Account) -> ServerToServer {
        let source =
            ServerToServer::new(account.account_id.as_str(), account.client_id.as_str(), account.client_secret.clone());
        match &self.token_url {
            Some(url) => source.token_url(url),
            None => source,
        }
    }

    /// Accepts events signed with the secret token of any account's app.
    pub fn verifier(&self) -> Verifier {
        let mut secrets = self.accounts.values().map(|account| account.secret_token.clone());
        let first = Verifier::new(secrets.next().expect("`from_env` refuses a file without accounts"));
        secrets.fold(first, Verifier::also)
    }
}
