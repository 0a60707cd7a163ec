use watchkeeper_ledger::{ChainHash, Head};

fn head() -> Head {
    Head { sequence: 42, hash: ChainHash(std::array::from_fn(|index| index as u8 * 7)) }
}

#[test]
fn a_head_survives_its_text_form() {
    let text = head().to_string();
    assert_eq!(text, "42 00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9");
    assert_eq!(text.parse::<Head>().unwrap(), head());
    assert_eq!(format!("  {text}\n").parse::<Head>().unwrap(), head());
    assert_eq!(text.to_uppercase().parse::<Head>().unwrap(), head());
}

#[test]
fn a_head_survives_json_and_messagepack() {
    let json = serde_json::to_string(&head()).unwrap();
    assert!(json.contains("\"00070e15"), "{json}");
    assert_eq!(serde_json::from_str::<Head>(&json).unwrap(), head());
    let bytes = rmp_serde::to_vec_named(&head()).unwrap();
    assert!(bytes.len() < 60, "the chain value takes 32 bytes");
    assert_eq!(rmp_serde::from_slice::<Head>(&bytes).unwrap(), head());
}

#[test]
fn texts_that_are_no_head_are_refused_with_the_reason() {
    let refused = |text: &str| text.parse::<Head>().unwrap_err().to_string();
    let hash = head().hash.to_string();
    assert!(refused("").contains("SEQUENCE HEXHASH"));
    assert!(refused("42").contains("SEQUENCE HEXHASH"));
    assert!(refused(&format!("42 {hash} 1")).contains("SEQUENCE HEXHASH"));
    assert!(refused(&format!("-1 {hash}")).contains("`-1` is not a sequence number"));
    assert!(refused(&format!("42 {}", hash.replace('0', "g"))).contains("64 hexadecimal digits"));
    assert!(refused("42 00").contains("64 hexadecimal digits"));
    assert!(refused(&format!("42 {}", hash.replacen("00", "é", 1))).contains("64 hexadecimal digits"));
    assert!(serde_json::from_str::<Head>("{\"sequence\":1,\"hash\":\"00\"}").is_err());
}
