// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The UDP socket through which one peer's L2TP packets pass: bound to the private port in
/// ``RequestID/port``, with in and out policies that demand that peer's ESP. It exists before the
/// security associations do, so nothing of the peer ever finds the port closed, and nothing in
/// clear ever finds it open.
///
/// Its name is the request id.
package struct TunnelSocket: Hashable, Sendable {
    package var requestID: RequestID
    /// Our address as the peer addresses it (after its NAT and ours).
    package var localAddress: IPAddress
    /// What goes out has UDP checksum 0, "none": that of IPv4 covers addresses which a NAT changes, out of sight
    /// inside ESP, which has its own.
    ///
    /// - SeeAlso: RFC 3948 §3.1.2
    package var omitsChecksum: Bool

    /// - Parameter omitsChecksum: Means nothing for IPv6, which demands a checksum.
    package init(requestID: RequestID, localAddress: IPAddress, omitsChecksum: Bool = false) {
        self.requestID = requestID
        self.localAddress = localAddress
        self.omitsChecksum = omitsChecksum
    }
}
