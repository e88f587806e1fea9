// SPDX-License-Identifier: Apache-2.0

/// Why a control connection ends.
///
/// - SeeAlso: RFC 2661 §4.4.2, Result Code (StopCCN)
package enum StopResult: Hashable, Sendable {
    case generalRequest
    case generalError(GeneralError, message: String?)
    case alreadyExists
    case notAuthorized
    case versionNotSupported
    case shuttingDown
    case stateMachineError
}

/// The error code that refines a general error.
///
/// - SeeAlso: RFC 2661 §4.4.2
package struct GeneralError: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let noControlConnection = Self(rawValue: 1)
    package static let wrongLength = Self(rawValue: 2)
    package static let valueOutOfRange = Self(rawValue: 3)
    package static let insufficientResources = Self(rawValue: 4)
    package static let invalidSessionID = Self(rawValue: 5)
    package static let vendorSpecific = Self(rawValue: 6)
    package static let tryAnother = Self(rawValue: 7)
    package static let unknownMandatoryAVP = Self(rawValue: 8)
}
