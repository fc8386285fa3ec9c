//! Prints the public interface that rustdoc's JSON describes, an item per line.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let json = std::env::args_os().nth(1).ok_or("give the path of rustdoc's JSON")?;
    let interface = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    interface.items().for_each(|item| println!("{item}"));
    Ok(())
}
