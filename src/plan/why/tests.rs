//! First causes, from records that are edited by hand.

use super::*;
