//! Thresholds that warn and refuse (`db/guardrails`), with the defaults of a node.
