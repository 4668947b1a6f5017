//! Chains, as they were measured on BuildKit.

use super::*;
