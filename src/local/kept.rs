//! The inputs of what runs, as they are kept beside the files of a container: for the reasons of its next restart. Values of
//! secrets are not among them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::digest::Digest;
use crate::cluster::model::Layer;
use crate::cluster::name::{ServiceName, VariableName};
use crate::cluster::secret::SecretIdentity;
use crate::render::env_file::layer_of;
use crate::render::inputs::{InputValue, InputVariable, Inputs};

/// Inputs as a file has them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptInputs {
    directives: Vec<(String, Vec<String>)>,
    /// Layer and value of each variable.
    variables: BTreeMap<String, (String, KeptValue)>,
    files: BTreeMap<String, Digest>,
    modes: BTreeMap<String, String>,
    secret_files: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum KeptValue {
    Plain(String),
    Secret(String),
}

impl KeptInputs {
    pub(super) fn of(service: &ServiceName, inputs: &Inputs) -> Self {
        let Inputs {
            directives,
            variables,
            files,
            modes,
            secret_files,
        } = inputs;
        let variable = |(name, variable): (&VariableName, &InputVariable)| {
            let value = match &variable.value {
                InputValue::Plain(value) => KeptValue::Plain(value.clone()),
                InputValue::Secret(identity) => KeptValue::Secret(identity.as_str().to_owned()),
            };
            (name.to_string(), (variable.layer.label(service), value))
        };
        let identity = |(path, identity): (&String, &SecretIdentity)| {
            (path.clone(), identity.as_str().to_owned())
        };
        Self {
            directives: directives.to_vec(),
            variables: variables.iter().map(variable).collect(),
            files: files.clone(),
            modes: modes.clone(),
            secret_files: secret_files.iter().map(identity).collect(),
        }
    }

    pub(super) fn inputs(self) -> Inputs {
        let variable = |(name, (layer, value)): (String, (String, KeptValue))| {
            let value = match value {
                KeptValue::Plain(value) => InputValue::Plain(value),
                KeptValue::Secret(identity) => {
                    InputValue::Secret(SecretIdentity::reported(&identity))
                }
            };
            let layer = match value {
                InputValue::Plain(_) => layer_of(&layer),
                InputValue::Secret(_) => Layer::Secrets,
            };
            Some((
                VariableName::new(name).ok()?,
                InputVariable { layer, value },
            ))
        };
        let identity =
            |(path, identity): (String, String)| (path, SecretIdentity::reported(&identity));
        Inputs {
            directives: self.directives.into(),
            variables: self.variables.into_iter().filter_map(variable).collect(),
            files: self.files,
            modes: self.modes,
            secret_files: self.secret_files.into_iter().map(identity).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_read_back() {
        let service = ServiceName::new("web").unwrap();
        let variable = |layer, value| InputVariable { layer, value };
        let secret = || SecretIdentity::reported("local:0a");
        let name = |name: &str| VariableName::new(name).unwrap();
        let inputs = Inputs {
            directives: vec![("ExecStart".to_owned(), vec!["docker".to_owned()])].into(),
            variables: [
                (
                    name("A"),
                    variable(Layer::Cluster, InputValue::Plain("a\nb".to_owned())),
                ),
                (
                    name("K"),
                    variable(Layer::Secrets, InputValue::Secret(secret())),
                ),
                (
                    name("S"),
                    variable(Layer::Service, InputValue::Plain(String::new())),
                ),
            ]
            .into(),
            files: [("files/a".to_owned(), Digest::of("a"))].into(),
            modes: [("files/a".to_owned(), "0644 0:0".to_owned())].into(),
            secret_files: [("secret-files/K".to_owned(), secret())].into(),
        };
        let text = serde_json::to_string(&KeptInputs::of(&service, &inputs)).unwrap();
        let read: KeptInputs = serde_json::from_str(&text).unwrap();
        assert_eq!(read.inputs(), inputs);
    }
}
