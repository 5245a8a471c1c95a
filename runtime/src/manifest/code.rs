//! The stable codes of manifest diagnostics. Each has a page `runtime/errors/<code>.md`.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $code;)+

        /// Every code of this module, in order.
        pub const ALL: &[&str] = &[$($code),+];
    };
}

codes! {
    // Reading
    /// The text is not YAML.
    SYNTAX = "OSSA-M001";
    /// A key stands twice in one mapping.
    DUPLICATE_KEY = "OSSA-M002";
    /// The file or one of its documents is too large.
    TOO_LARGE = "OSSA-M003";
    /// The document nests too deeply.
    TOO_DEEP = "OSSA-M004";
    /// Aliases expand to too much.
    TOO_MANY_ALIASES = "OSSA-M005";
    /// The document has too many steps.
    TOO_MANY_STEPS = "OSSA-M006";
    /// The file holds no document.
    EMPTY = "OSSA-M007";
    /// The file cannot be read.
    UNREADABLE = "OSSA-M008";
    /// The document is not a mapping.
    NOT_A_MAPPING = "OSSA-M009";

    // The document as a whole
    /// A required field is missing.
    MISSING_FIELD = "OSSA-M010";
    /// A field has a value of the wrong type.
    WRONG_TYPE = "OSSA-M011";
    /// `kind` names nothing this runtime knows.
    UNKNOWN_KIND = "OSSA-M012";
    /// `apiVersion` names no version this runtime knows.
    UNKNOWN_VERSION = "OSSA-M013";
    /// A name, id or version is not written as OSSA asks.
    BAD_NAME = "OSSA-M014";
    /// A value is impossible.
    IMPOSSIBLE_VALUE = "OSSA-M015";
    /// A value is not one of those that are known.
    UNKNOWN_VALUE = "OSSA-M016";
    /// The workflow is written for another orchestrator.
    FOREIGN_ORCHESTRATION = "OSSA-M017";
    /// A JSON Schema in the manifest is not a schema.
    BAD_SCHEMA = "OSSA-M018";
    /// There is more to say about the document than is told.
    TOO_MANY_FINDINGS = "OSSA-M019";

    // Strict level
    /// The document breaks the schema of its version.
    SCHEMA_VIOLATION = "OSSA-M020";
    /// The version has no schema to check against.
    NO_SCHEMA = "OSSA-M021";
    /// The version's schema accepts it, the last schema that defines the kind does not.
    UNDEFINED_BY_SCHEMA = "OSSA-M022";

    // Dialects
    /// A field goes by another name in OSSA.
    ALIAS = "OSSA-M030";
    /// A field is ignored.
    IGNORED_FIELD = "OSSA-M031";
    /// A value lies outside the range OSSA gives, and is used all the same.
    OUT_OF_RANGE = "OSSA-M032";
    /// A workflow with rules is loaded as MessageRouting.
    ROUTING_AS_WORKFLOW = "OSSA-M033";
    /// An id was made from a name.
    DERIVED_ID = "OSSA-M034";
    /// A field is not known, and to leave it out would change what the document means.
    UNKNOWN_FIELD = "OSSA-M035";

    // Meaning
    /// Two steps have the same id.
    DUPLICATE_STEP = "OSSA-M040";
    /// A step that does not exist is named.
    UNKNOWN_STEP = "OSSA-M041";
    /// Steps wait for each other.
    CYCLE = "OSSA-M042";
    /// An expression cannot be read.
    BAD_EXPRESSION = "OSSA-M043";
    /// A reference cannot be followed.
    BAD_REFERENCE = "OSSA-M044";
    /// A secret stands in the manifest in plain text.
    PLAIN_SECRET = "OSSA-M045";
    /// A name is used for two things.
    AMBIGUOUS_NAME = "OSSA-M046";
    /// A reference leads to no manifest.
    UNRESOLVED_REFERENCE = "OSSA-M047";
    /// A reference leads out of the manifest roots.
    ESCAPING_REFERENCE = "OSSA-M048";
    /// A construct is valid, but this version cannot run it yet.
    NOT_RUNNABLE = "OSSA-M050";
}
