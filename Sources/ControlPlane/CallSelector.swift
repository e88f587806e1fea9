// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Which calls are meant.
package enum CallSelector: Hashable, Sendable {
    case trace(TraceID)
    case user(String)
    /// Outer address.
    case peer(IPAddress)
    /// Outer addresses.
    case peers(IPPrefix)
    case innerAddress(IPAddress)
    case interface(String)
    case all
}
