// SPDX-License-Identifier: Apache-2.0
internal import DataPlane

/// The marks by which what Culvert made in the kernel is told from everybody else's.
package enum Ownership {
    /// Device group (`IFLA_GROUP`) of our units and of the device that bears the gateway's inner addresses.
    package static let liveGroup: UInt32 = 0x4356
    /// Device group of units about to be deleted, all at once.
    package static let graveGroup: UInt32 = 0x4357
    /// Protocol number of our routes (`rtm_protocol`): not assigned in `/etc/iproute2/rt_protos`.
    package static let routeProtocol: UInt8 = 0xC1
    /// nftables table, family `inet`.
    package static let tableName = "culvert"
    /// The device that bears the gateway's inner addresses.
    package static let gatewayDevice = "culvert0"
    /// Units are called this and a number.
    package static let unitPrefix = "cv"

    /// Whether a request id has the form of ours: a serial above, a private port below. Other daemons count from 1
    /// (or from 16,384) and do not get there.
    package static func isOurs(requestID: UInt32) -> Bool {
        requestID >> 16 != 0 && RequestID.privatePorts.contains(UInt16(truncatingIfNeeded: requestID))
    }
}
