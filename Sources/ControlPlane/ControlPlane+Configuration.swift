// SPDX-License-Identifier: Apache-2.0
package import IKE
package import L2TP
package import PPP
package import Primitives

extension ControlPlane {
    /// Everything the operator decided that protocols need to know. Addresses of sockets, paths of
    /// files and the like belong to who opens them.
    package struct Configuration: Hashable, Sendable {
        package var ike: IKE.Configuration
        package var l2tp: L2TP.Configuration
        /// Its `mru` is a ceiling; every call gets its own from the encapsulation it really has.
        package var ppp: PPP.Configuration
        package var mtu: MTU = .auto
        /// Of the path between peers and us, before encapsulation.
        package var outerMTU = 1500
        package var dns: [IPAddress] = []
        package var wins: [IPAddress] = []
        package var pools: [AddressPoolConfiguration]
        package var users: [User]
        /// Calls at once; more are refused with a clear word.
        package var callLimit = 16_000
        /// How often passwords may be guessed; `ike.largeSources` counts here too.
        package var authenticationLimits = AuthenticationThrottle.Limits()
        /// What is kept for `culvertctl explain`.
        package var traceLimits = Journal.Limits()

        package enum MTU: Hashable, Sendable {
            /// What fits into one outer packet.
            case auto
            case fixed(UInt16)
        }

        package init(
            ike: IKE.Configuration,
            l2tp: L2TP.Configuration,
            ppp: PPP.Configuration,
            pools: [AddressPoolConfiguration],
            users: [User]
        ) {
            self.ike = ike
            self.l2tp = l2tp
            self.ppp = ppp
            self.pools = pools
            self.users = users
        }
    }
}

/// Addresses handed to peers. The first and last address of an IPv4 prefix and the gateway's own are left out.
package struct AddressPoolConfiguration: Hashable, Sendable {
    package var name: String
    package var range: IPPrefix
    /// Our inner address, in `range` or not.
    package var gateway: IPAddress

    package init(name: String, range: IPPrefix, gateway: IPAddress) {
        self.name = name
        self.range = range
        self.gateway = gateway
    }
}

/// Who may dial in.
package struct User: Hashable, Sendable {
    package var name: String
    package var secret: UserSecret
    /// Always this one; it may lie outside every pool.
    package var address: IPAddress?
    package var isDisabled = false

    package init(name: String, secret: UserSecret, address: IPAddress? = nil, isDisabled: Bool = false) {
        self.name = name
        self.secret = secret
        self.address = address
        self.isDisabled = isDisabled
    }
}
