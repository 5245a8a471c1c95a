//! The scripts: each is one transaction. What they share is put in front of each.

use std::sync::LazyLock;

use redis::Script;

/// A script with its name in errors and whether it may be sent again when its answer was lost.
pub(super) struct Known {
    pub(super) script: LazyLock<Script>,
    /// Running it twice is the same as running it once.
    pub(super) repeatable: bool,
}

/// Without a flag Redis refuses a script as a whole when it is out of memory. Those that end claims, or give memory free, are
/// to run also then: they are how a full server gets empty again.
macro_rules! script {
    ($name:ident, $flags:literal, $repeatable:literal, [$($part:literal),+]) => {
        pub(super) static $name: Known = Known {
            script: LazyLock::new(|| Script::new(concat!(
                "#!lua", $flags, "\n",
                include_str!("lua/common.lua"),
                $(include_str!(concat!("lua/", $part, ".lua")),)+
            ))),
            repeatable: $repeatable,
        };
    };
}

script!(SCHEMA, " flags=no-writes", true, ["schema"]);
script!(CREATE, "", true, ["create"]);

script!(PUBLISH, "", false, ["insert", "publish"]);
script!(
    RECEIVE,
    " flags=allow-oom",
    false,
    ["message", "visible", "receive"]
);
script!(
    RELAY,
    " flags=allow-oom",
    false,
    ["message", "visible", "relay"]
);
script!(
    CLAIM_STEP,
    " flags=allow-oom",
    false,
    ["message", "claim_step"]
);
script!(
    CLAIM_MESSAGE,
    " flags=allow-oom",
    false,
    ["message", "claim_message"]
);
script!(
    ACK,
    " flags=allow-oom",
    false,
    ["message", "receipts", "ack"]
);
script!(RELEASE, " flags=allow-oom", false, ["message", "release"]);
script!(
    EXTEND,
    " flags=allow-oom",
    true,
    ["message", "receipts", "extend"]
);
script!(
    REJECT,
    " flags=allow-oom",
    false,
    ["message", "receipts", "reject"]
);
script!(OVERDUE, " flags=no-writes", true, ["message", "overdue"]);
script!(
    HAS_VISIBLE,
    " flags=no-writes",
    true,
    ["message", "has_visible"]
);
script!(COUNT, " flags=no-writes", true, ["message", "count"]);
script!(
    LIST_MESSAGES,
    " flags=no-writes",
    true,
    ["message", "list_messages"]
);
script!(
    STEP_ITEMS,
    " flags=no-writes",
    true,
    ["message", "step_items"]
);
script!(
    FIND_MESSAGE,
    " flags=no-writes",
    true,
    ["message", "find_message"]
);

script!(
    COMMIT,
    "",
    true,
    ["message", "insert", "run", "stream", "append", "commit"]
);
script!(LOAD, " flags=no-writes", true, ["load"]);
script!(HEADS, " flags=no-writes", true, ["heads"]);
script!(FIND_BY_KEY, " flags=no-writes", true, ["find_by_key"]);
script!(SLICE, " flags=no-writes", true, ["slice"]);
script!(HISTORY, " flags=no-writes", true, ["history"]);
script!(DUE_TIMERS, " flags=no-writes", true, ["run", "due_timers"]);
script!(TIMERS_OF, " flags=no-writes", true, ["run", "timers_of"]);
script!(EXPIRED, " flags=no-writes", true, ["run", "expired"]);
script!(
    REMOVE_RUNS,
    " flags=allow-oom",
    false,
    ["message", "run", "remove_runs"]
);
script!(SAVE_PLAN, "", true, ["save_plan"]);
script!(LOAD_PLAN, " flags=no-writes", true, ["load_plan"]);
script!(SIGNING_KEY, "", true, ["signing_key"]);

script!(KV_GET, " flags=no-writes", true, ["key_value", "kv_get"]);
script!(KV_PUT, "", false, ["key_value", "kv_put"]);
script!(
    KV_DELETE,
    " flags=allow-oom",
    false,
    ["key_value", "kv_delete"]
);
script!(KV_KEYS, " flags=no-writes", true, ["key_value", "kv_keys"]);
script!(
    KV_PRUNE,
    " flags=allow-oom",
    false,
    ["key_value", "kv_prune"]
);

script!(
    APPEND,
    "",
    true,
    ["insert", "stream", "append", "append_alone"]
);
script!(
    READ_STREAM,
    " flags=no-writes",
    true,
    ["stream", "read_stream"]
);
script!(
    RECORDS_AT,
    " flags=no-writes",
    true,
    ["stream", "records_at"]
);
script!(
    FIND_RECORD,
    " flags=no-writes",
    true,
    ["stream", "find_record"]
);
script!(
    POSITION_BEFORE,
    " flags=no-writes",
    true,
    ["stream", "position_before"]
);
script!(
    END_OF_STREAM,
    " flags=no-writes",
    true,
    ["stream", "end_of_stream"]
);
script!(
    TRIM_STREAM,
    " flags=allow-oom",
    true,
    ["stream", "trim_stream"]
);
script!(CHANNELS, " flags=no-writes", true, ["stream", "channels"]);
