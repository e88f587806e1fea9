// SPDX-License-Identifier: Apache-2.0
package import L2TP

extension SimulatedLAC {
    /// What tells clients apart.
    package struct Habits: Hashable, Sendable {
        package var receiveWindowSize: UInt16 = 4
        /// A ZLB for every message before its answer, as Android does it.
        package var acknowledgesAtOnce = false
        /// One control message under way, whatever the window of the LNS.
        package var sendsOneAtATime = false
        package var schedule = RetransmissionSchedule()
        package var requiresSequencing = false
        /// Hide what may be hidden; takes a secret, and messages without a list of fields of their own.
        package var hides = false
        package var answersCalls = true
        /// AVPs behind the message type, in order; `nil` for those of the codec.
        package var sccrq: [Field]?
        package var icrq: [Field]?
        package var iccn: [Field]?
        package var firstSerialNumber: UInt32 = 1
        /// Of the CDN; `nil` for no CDN: StopCCN says it all.
        package var callResult: UInt16? = 3
        /// Of the StopCCN.
        package var stopResult: UInt16 = 6
        /// Result Code in the byte order of the machine.
        package var swapsResultBytes = false

        package init() {}
    }
}

extension SimulatedLAC.Habits {
    /// An AVP of a message: what stands for something, or given bytes.
    package enum Field: Hashable, Sendable {
        case hostName
        /// Tunnel or session, as the message has it.
        case assignedID
        case receiveWindowSize
        /// Only with a secret.
        case challenge
        case callSerialNumber
        case value(AttributeType, [UInt8])

        /// Version 1, revision 0.
        package static let protocolVersion = Field.value(.protocolVersion, [1, 0])

        package static func framingCapabilities(_ framing: Framing) -> Field {
            .value(.framingCapabilities, bytes(framing.rawValue))
        }

        /// Bit 0 is digital, bit 1 analog.
        package static func bearerCapabilities(_ bits: UInt32) -> Field { .value(.bearerCapabilities, bytes(bits)) }
        package static func bearerType(_ bits: UInt32) -> Field { .value(.bearerType, bytes(bits)) }

        package static func firmware(_ revision: UInt16) -> Field {
            .value(.firmwareRevision, [UInt8(revision >> 8), UInt8(revision & 0xFF)])
        }

        package static func vendorName(_ name: String) -> Field { .value(.vendorName, Array(name.utf8)) }
        package static func txConnectSpeed(_ speed: UInt32) -> Field { .value(.txConnectSpeed, bytes(speed)) }
        package static func framingType(_ framing: Framing) -> Field { .value(.framingType, bytes(framing.rawValue)) }

        private static func bytes(_ value: UInt32) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
        }
    }
}
