// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Where metrics are served.
package struct MetricsSettings: Hashable, Sendable {
    /// `nil` serves none.
    package var listen: SocketAddress?

    package init() {
    }
}
