// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// Whether the peer still answers.
///
/// - SeeAlso: RFC 1661 §5.8
struct Echo: Sendable {
    /// Of the next Echo-Request, or of the verdict that the peer is gone; `nil` while LCP is not open.
    var nextDeadline: MonotonicTime?
    var identifier: UInt8 = 0
    /// The last Echo-Request was not answered yet, whatever else was heard.
    var awaitsReply = false
    /// Echo-Requests since the peer was last heard.
    var unanswered = 0
}
