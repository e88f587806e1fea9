// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// Whether the peer still answers.
///
/// - SeeAlso: RFC 1661 §5.8
struct Echo: Sendable {
    var nextDeadline: MonotonicTime?
    var identifier: UInt8 = 0
    /// Echo-Requests in a row without an answer.
    var unanswered = 0
}
