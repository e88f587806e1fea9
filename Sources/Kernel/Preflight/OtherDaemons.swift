// SPDX-License-Identifier: Apache-2.0

/// Programs that take a gateway's ports or its peers, and what keeps them from it.
package enum OtherDaemons {
    /// By the name of the process, as the kernel shows it: the systemd units that start it.
    private static let units = [
        "charon": "strongswan strongswan-starter", "charon-systemd": "strongswan", "pluto": "ipsec", "racoon": "racoon",
        "iked": "iked", "xl2tpd": "xl2tpd", "l2tpd": "l2tpd", "accel-pppd": "accel-ppp",
    ]

    /// In the order of the alphabet.
    package static let programs = units.keys.sorted()

    /// `nil` for a program of which nothing is known.
    package static func stopCommand(for program: String) -> String? {
        units[program].map { "systemctl disable --now \($0)" }
    }
}
