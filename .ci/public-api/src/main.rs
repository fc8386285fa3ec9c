//! Prints the public interface that rustdoc's JSON describes, an item per line.

/// Methods that a trait prescribes. They are left out, because the trait's `impl` line implies them.
const PRESCRIBED: [&str; 11] = [
    "::clone(",
    "::cmp(",
    "::deserialize<",
    "::eq(",
    "::fmt(",
    "::hash<",
    "::inline_schema(",
    "::json_schema(",
    "::schema_id(",
    "::schema_name(",
    "::serialize<",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let json = std::env::args_os().nth(1).ok_or("give the path of rustdoc's JSON")?;
    let interface =
        public_api::Builder::from_rustdoc_json(json).omit_blanket_impls(true).omit_auto_trait_impls(true).build()?;
    for item in interface.items().map(ToString::to_string) {
        if !PRESCRIBED.iter().any(|method| item.contains(method)) && !item.contains("::StructuralPartialEq for") {
            println!("{}", item.replace("zoom_livestream::", ""));
        }
    }
    Ok(())
}
