// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Where metrics are served.
package struct MetricsSettings: Hashable, Sendable {
    /// `nil` serves none over TCP; the control socket has them all the same.
    package var listen: SocketAddress?
    /// A page for people is served beside them.
    package var page = false

    package init() {
    }
}
