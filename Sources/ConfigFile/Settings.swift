// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import Primitives

/// All that a configuration file says.
package struct Settings: Hashable, Sendable {
    package var controlPlane: ControlPlane.Configuration
    /// Our name towards peers: the Host Name of L2TP, the name in PPP challenges.
    package var gatewayName: String
    /// Addresses for UDP 500, 4500 and 1701; never empty.
    package var listen: [IPAddress]
    /// Limit TCP segments that are forwarded to and from peers to what fits.
    package var clampsSegments = true
    package var controlSocket = ControlSocketSettings()
    package var metrics = MetricsSettings()
    package var log = LogSettings()

    package init(controlPlane: ControlPlane.Configuration, gatewayName: String, listen: [IPAddress]) {
        self.controlPlane = controlPlane
        self.gatewayName = gatewayName
        self.listen = listen
    }
}

/// A file as the caller found it.
package struct LoadedFile: Hashable, Sendable {
    package var bytes: [UInt8]
    /// Permission bits.
    package var mode: UInt32
    /// The superuser or the user we run as.
    package var ownerIsTrusted: Bool

    package init(bytes: [UInt8], mode: UInt32, ownerIsTrusted: Bool) {
        self.bytes = bytes
        self.mode = mode
        self.ownerIsTrusted = ownerIsTrusted
    }
}

/// Why a file could not be read.
package enum FileProblem: Error, Hashable, Sendable {
    case missing
    case permissionDenied
    /// A secret of the service manager's, who is not there.
    case noCredentials
    /// A directory, a device, a pipe.
    case notAFile
    case tooLarge
    /// In the words of the system.
    case other(String)
}
