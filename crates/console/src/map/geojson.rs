//! Roads from a GeoJSON file: `LineString` features in local metres, x east and y north.
//!
//! Each feature may have a `name` and a `width_m`; a line narrower than a metre is a marking, a wider one a
//! lane. Deliberately not here: geographic coordinates, polygons, points: what the map would not draw is an
//! error that says which feature it is, not a silent gap.

use bevy::math::DVec2;
use serde_json::Value;
use std::{fmt, path::Path};

/// The width of a road that gives none, metres: one lane of a motorway.
const DEFAULT_WIDTH_METERS: f64 = 3.5;
/// The largest distance from the origin, metres: a quarter of the Earth's circumference.
const FARTHEST_METERS: f64 = 1.0e7;
/// The most points of a map: enough for a city, few enough to be drawn.
const MAX_POINTS: usize = 500_000;

/// A line of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Road {
    /// Its name; empty where the file has none.
    pub name: String,
    /// Its width, metres, more than 0 and at most 100.
    pub width_meters: f64,
    /// The places it leads through, metres, at least two.
    pub points: Vec<DVec2>,
}

/// Says why a file is not a map.
#[derive(Debug)]
pub struct MapError {
    file: String,
    feature: Option<(usize, String)>,
    problem: Problem,
}

/// What is wrong with a map.
#[derive(Debug)]
enum Problem {
    /// The file cannot be read.
    Unreadable(std::io::Error),
    /// The file is not JSON.
    NotJson(serde_json::Error),
    /// The JSON is not a `FeatureCollection`; holds its `type`.
    NotACollection(String),
    /// A feature is something else than a `LineString`; holds what.
    NotALine(String),
    /// A line has fewer than two points; holds how many.
    TooShort(usize),
    /// A point is not two finite numbers within [`FARTHEST_METERS`]; holds its place in the line, from 0.
    BadPoint(usize),
    /// A width is not a number more than 0 and at most 100.
    BadWidth(String),
    /// A name is not a text.
    BadName,
    /// The map has more than [`MAX_POINTS`] points.
    TooLarge,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "map {}: ", self.file)?;
        if let Some((index, name)) = &self.feature {
            write!(f, "feature {index}")?;
            if !name.is_empty() {
                write!(f, " ({name:?})")?;
            }
            f.write_str(": ")?;
        }
        match &self.problem {
            Problem::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Problem::NotJson(error) => write!(f, "is not JSON: {error}"),
            Problem::NotACollection(found) => write!(f, "must be a FeatureCollection, is {found}"),
            Problem::NotALine(found) => write!(f, "must be a LineString, is {found}"),
            Problem::TooShort(points) => write!(f, "a line needs at least two points, this one has {points}"),
            Problem::BadPoint(index) => {
                write!(
                    f,
                    "point {index} must be two numbers, metres within {FARTHEST_METERS:e} of the origin"
                )
            }
            Problem::BadWidth(found) => {
                write!(f, "width_m must be a number of metres, more than 0 and at most 100, is {found}")
            }
            Problem::BadName => f.write_str("name must be a text"),
            Problem::TooLarge => write!(f, "has more than {MAX_POINTS} points"),
        }
    }
}

impl std::error::Error for MapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error) => Some(error),
            Problem::NotJson(error) => Some(error),
            Problem::NotACollection(_)
            | Problem::NotALine(_)
            | Problem::TooShort(_)
            | Problem::BadPoint(_)
            | Problem::BadWidth(_)
            | Problem::BadName
            | Problem::TooLarge => None,
        }
    }
}

/// Reads the roads of a file.
///
/// # Errors
///
/// A [`MapError`] that names the file, the feature and what is wrong with it.
pub fn read(path: &Path) -> Result<Vec<Road>, MapError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| MapError {
        file: file.clone(),
        feature: None,
        problem: Problem::Unreadable(error),
    })?;
    parse(&text, &file)
}

/// Reads the roads of a text; `file` is only used to name it in errors.
fn parse(text: &str, file: &str) -> Result<Vec<Road>, MapError> {
    let whole = |problem| MapError { file: file.to_owned(), feature: None, problem };
    let value: Value = serde_json::from_str(text).map_err(|error| whole(Problem::NotJson(error)))?;
    let features = match (value.get("type").and_then(Value::as_str), value.get("features")) {
        (Some("FeatureCollection"), Some(Value::Array(features))) => features,
        (Some("FeatureCollection"), _) => {
            return Err(whole(Problem::NotACollection("one without a list of features".to_owned())));
        }
        (_, _) => return Err(whole(Problem::NotACollection(kind_of(&value)))),
    };
    let mut roads = Vec::with_capacity(features.len());
    let mut points = 0_usize;
    for (index, feature) in features.iter().enumerate() {
        let name = feature.pointer("/properties/name").and_then(Value::as_str).unwrap_or_default();
        let road = road(feature).map_err(|problem| MapError {
            file: file.to_owned(),
            feature: Some((index, name.to_owned())),
            problem,
        })?;
        points = points.saturating_add(road.points.len());
        roads.push(road);
    }
    if points > MAX_POINTS { Err(whole(Problem::TooLarge)) } else { Ok(roads) }
}

fn road(feature: &Value) -> Result<Road, Problem> {
    let Some(geometry @ Value::Object(_)) = feature.get("geometry") else {
        return Err(Problem::NotALine(kind_of(feature)));
    };
    if geometry.get("type").and_then(Value::as_str) != Some("LineString") {
        return Err(Problem::NotALine(kind_of(geometry)));
    }
    let coordinates = geometry.get("coordinates").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if coordinates.len() < 2 {
        return Err(Problem::TooShort(coordinates.len()));
    }
    let points = coordinates
        .iter()
        .enumerate()
        .map(|(index, value)| place(value).ok_or(Problem::BadPoint(index)))
        .collect::<Result<_, _>>()?;
    let name = match feature.pointer("/properties/name") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(name)) => name.clone(),
        Some(_) => return Err(Problem::BadName),
    };
    let width_meters = match feature.pointer("/properties/width_m") {
        None | Some(Value::Null) => DEFAULT_WIDTH_METERS,
        Some(value) => value
            .as_f64()
            .filter(|width| *width > 0.0 && *width <= 100.0)
            .ok_or_else(|| Problem::BadWidth(value.to_string()))?,
    };
    Ok(Road { name, width_meters, points })
}

/// Returns the place of `[x, y]` or `[x, y, height]`.
fn place(value: &Value) -> Option<DVec2> {
    let numbers = value.as_array()?;
    let (x, y) = (numbers.first()?.as_f64()?, numbers.get(1)?.as_f64()?);
    let near = |number: f64| number.is_finite() && number.abs() <= FARTHEST_METERS;
    (numbers.len() <= 3 && near(x) && near(y)).then(|| DVec2::new(x, y))
}

/// Returns what a value is, in words for an error.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a yes or no".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(map) => match map.get("type").and_then(Value::as_str) {
            Some(kind) => format!("a {kind}"),
            None => "an object without a type".to_owned(),
        },
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    fn with(feature: &str) -> String {
        let good = r#"{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[[0,0],[1,0]]}}"#;
        format!(r#"{{"type":"FeatureCollection","features":[{good},{feature}]}}"#)
    }

    fn line(properties: &str, coordinates: &str) -> String {
        with(&format!(
            r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"LineString","coordinates":{coordinates}}}}}"#
        ))
    }

    fn error(text: &str) -> String {
        parse(text, "town.geojson").unwrap_err().to_string()
    }

    #[test]
    fn a_line_is_read_with_its_name_and_width() {
        let text = line(r#"{"name":"Quay","width_m":7}"#, "[[1.5,-2],[3,4,12]]");
        let roads = parse(&text, "town.geojson").unwrap();
        assert_eq!(roads.len(), 2);
        assert_eq!(roads[0].width_meters, DEFAULT_WIDTH_METERS);
        assert_eq!(roads[0].name, "");
        let points = vec![DVec2::new(1.5, -2.0), DVec2::new(3.0, 4.0)];
        assert_eq!(roads[1], Road { name: "Quay".to_owned(), width_meters: 7.0, points });
    }

    #[test]
    fn an_empty_map_has_no_roads() {
        assert_eq!(parse(r#"{"type":"FeatureCollection","features":[]}"#, "f").unwrap(), []);
    }

    #[test]
    fn an_error_names_the_file_the_feature_and_what_is_wrong() {
        let short = line(r#"{"name":"Quay"}"#, "[[1,2]]");
        assert_eq!(
            error(&short),
            r#"map town.geojson: feature 1 ("Quay"): a line needs at least two points, this one has 1"#
        );
        let polygon = with(r#"{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]}}"#);
        assert_eq!(error(&polygon), "map town.geojson: feature 1: must be a LineString, is a Polygon");
        let cut = r#"{"type":"#;
        assert!(error(cut).starts_with("map town.geojson: is not JSON: "), "{}", error(cut));
        assert_eq!(error("[]"), "map town.geojson: must be a FeatureCollection, is a list");
        assert_eq!(
            error(r#"{"type":"Feature"}"#),
            "map town.geojson: must be a FeatureCollection, is a Feature"
        );
        let bare = r#"{"type":"FeatureCollection"}"#;
        assert_eq!(
            error(bare),
            "map town.geojson: must be a FeatureCollection, is one without a list of features"
        );
    }

    #[test]
    fn bad_points_widths_and_names_are_refused() {
        for bad in ["[1]", "[1,null]", "[1,1e8]", r#""1,2""#, "[1,2,3,4]"] {
            let text = error(&line("{}", &format!("[[0,0],{bad}]")));
            assert!(text.contains("feature 1: point 1 must be two numbers"), "{text}");
        }
        for bad in ["0", "-3", "101", r#""wide""#] {
            let text = error(&line(&format!(r#"{{"width_m":{bad}}}"#), "[[0,0],[1,1]]"));
            assert!(
                text.contains(&format!(
                    "width_m must be a number of metres, more than 0 and at most 100, is {bad}"
                )),
                "{text}"
            );
        }
        assert!(error(&line(r#"{"name":7}"#, "[[0,0],[1,1]]")).ends_with("name must be a text"));
    }

    #[test]
    fn a_map_too_large_to_draw_is_refused() {
        let points = vec!["[0,0]"; MAX_POINTS].join(",");
        assert!(error(&line("{}", &format!("[{points}]"))).ends_with("has more than 500000 points"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let text = read(Path::new("nowhere/none.geojson")).unwrap_err().to_string();
        assert!(text.starts_with("map nowhere/none.geojson: cannot be read: "), "{text}");
    }
}
