// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct ControlMessageTests {
    private func body(_ avps: [AVP]) -> [UInt8] {
        var writer = ByteWriter()
        for avp in avps { avp.encode(into: &writer) }
        return writer.bytes
    }

    private func error(_ bytes: [UInt8], secret: SecretBytes? = nil) -> MessageError? {
        do throws(MessageFailure) {
            _ = try ControlMessage.decode(bytes, secret: secret)
            return nil
        } catch {
            return error.error
        }
    }

    @Test(arguments: everyMessage)
    func comesBackAsItWasSent(_ message: ControlMessage) throws {
        #expect(try ControlMessage.decode(message.encoded()) == message)
    }

    @Test(arguments: everyMessage)
    func comesBackAsItWasHidden(_ message: ControlMessage) throws {
        let hiding = Hiding(secret: secret("shared"), randomVector: hex("0102030405060708"))
        let bytes = message.encoded(hiding: hiding)
        #expect(try ControlMessage.decode(bytes, secret: secret("shared")) == message)
    }

    @Test func everyTypeHasASample() {
        #expect(everyMessage.map(\.type.rawValue) == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16])
    }

    /// Android's: window 1, both framings, no vendor.
    @Test func readsTheSCCRQOfAndroid() throws {
        let bytes = hex(
            """
            8008 0000 0000 0001  8008 0000 0002 0100  800f 0000 0007 616e6f6e796d6f7573
            800a 0000 0003 00000003  8008 0000 0009 2a1b  8008 0000 000a 0001
            """
        )
        var offer = TunnelOffer(assigned: tunnel(0x2A1B), hostName: "anonymous")
        offer.receiveWindowSize = 1
        #expect(try ControlMessage.decode(bytes) == .sccrq(offer))
    }

    /// Windows': bearer capabilities of nothing, firmware 0x0600, vendor.
    @Test func readsTheSCCRQOfWindows() throws {
        let bytes = hex(
            """
            8008 0000 0000 0001  8008 0000 0002 0100  800a 0000 0003 00000001  800a 0000 0004 00000000
            0008 0000 0006 0600  800a 0000 0007 57494e31  000f 0000 0008 4d6963726f736f6674
            8008 0000 0009 0001  8008 0000 000a 0008
            """
        )
        var offer = TunnelOffer(assigned: tunnel(1), hostName: "WIN1")
        offer.framing = .synchronous
        offer.firmwareRevision = 0x0600
        offer.vendorName = "Microsoft"
        offer.receiveWindowSize = 8
        #expect(try ControlMessage.decode(bytes) == .sccrq(offer))
    }

    /// RFC 2661 §6: "The following AVPs MUST be present".
    @Test(
        arguments: [
            (.sccrq, [.protocolVersion, .hostName, .framingCapabilities, .assignedTunnelID]),
            (.sccrp, [.protocolVersion, .hostName, .framingCapabilities, .assignedTunnelID]),
            (.stopCCN, [.assignedTunnelID, .resultCode]),
            (.icrq, [.assignedSessionID, .callSerialNumber]),
            (.icrp, [.assignedSessionID]), (.iccn, [.txConnectSpeed, .framingType]),
            (.cdn, [.resultCode, .assignedSessionID]), (.wen, [.callErrors]), (.sli, [.accm]),
            (.ocrq, [.assignedSessionID, .callSerialNumber]), (.ocrp, [.assignedSessionID]),
        ] as [(MessageType, [AttributeType])]
    )
    func namesWhatIsMissing(_ type: MessageType, required: [AttributeType]) throws {
        let sample = try #require(everyMessage.first { $0.type == type })
        for attribute in required {
            #expect(error(body(sample.avps.filter { $0.attribute != attribute })) == .missing(attribute))
        }
        for attribute in sample.avps.dropFirst().map(\.attribute) where !required.contains(attribute) {
            #expect(error(body(sample.avps.filter { $0.attribute != attribute })) == nil, "\(attribute) is optional")
        }
    }

    @Test("L03: the first AVP must be the Message Type, and no other may be")
    func theFirstAVPMustBeTheType() {
        let hello = AVP(.messageType, value: [0, 6])
        let name = AVP(.hostName, value: [0x61])
        #expect(error([]) == .messageType)
        #expect(error(body([name, hello])) == .messageType)
        #expect(error(body([hello, hello])) == .messageType)
        #expect(error(body([AVP(.messageType, value: [6])])) == .messageType)
        #expect(error(body([AVP(.messageType, value: [0, 0, 6])])) == .messageType)
        #expect(error(body([AVP(.messageType, value: [0, 6], isHidden: true)])) == .messageType)
        #expect(error(body([AVP(.messageType, value: [0, 6], vendor: 9)])) == .messageType)
    }

    @Test("L03: an unknown Message Type, 0 among them, matters with the M bit only")
    func anUnknownTypeMattersWithTheMandatoryBitOnly() throws {
        let bytes: (Bool) -> [UInt8] = { self.body([AVP(.messageType, value: [0, 99], isMandatory: $0)]) }
        #expect(error(bytes(true)) == .unknownMessage(MessageType(rawValue: 99)))
        #expect(try ControlMessage.decode(bytes(false)) == .unknown(MessageType(rawValue: 99)))
        // Reserved ones are unknown, too.
        #expect(error(body([AVP(.messageType, value: [0, 0])])) == .unknownMessage(MessageType(rawValue: 0)))
    }

    @Test("L02: an unknown AVP, or another vendor's, matters with the M bit only")
    func anUnknownAVPMattersWithTheMandatoryBitOnly() throws {
        let unknown = AttributeType(rawValue: 99)
        for (vendor, attribute) in [(0, unknown), (311, .hostName), (9, unknown)] as [(UInt16, AttributeType)] {
            var avp = AVP(attribute, value: [1, 2], isMandatory: true, vendor: vendor)
            #expect(error(body(ControlMessage.hello.avps + [avp])) == .unknownMandatory(vendor: vendor, attribute))
            avp.isMandatory = false
            var ignored: [MessageError] = []
            var reader = ByteReader(body(ControlMessage.hello.avps + [avp]))
            #expect(try ControlMessage(from: &reader, secret: nil, ignored: &ignored) == .hello)
            #expect(ignored == [.unknownMandatory(vendor: vendor, attribute)])
        }
    }

    /// RFC 2661 §4.1: "An AVP received with a reserved bit set to 1 MUST be treated as an unrecognized AVP."
    @Test func anAVPWithAReservedBitIsUnknown() throws {
        var avps = try #require(everyMessage.first { $0.type == .icrp }).avps
        avps[1].hasReservedBits = true
        #expect(error(body(avps)) == .unknownMandatory(vendor: 0, .assignedSessionID))
        avps[1].isMandatory = false
        #expect(error(body(avps)) == .missing(.assignedSessionID))
    }

    /// RFC 2661 §7.1 has this very example.
    @Test func aMalformedAVPMattersWithTheMandatoryBitOnly() throws {
        let sample = ControlMessage.iccn(ConnectedCall(txConnectSpeed: 1, framing: .synchronous))
        var speed = AVP(.rxConnectSpeed, value: [0, 1])
        var ignored: [MessageError] = []
        var reader = ByteReader(body(sample.avps + [speed]))
        #expect(try ControlMessage(from: &reader, secret: nil, ignored: &ignored) == sample)
        #expect(ignored == [.wrongLength(.rxConnectSpeed, 2)])
        speed.isMandatory = true
        #expect(error(body(sample.avps + [speed])) == .wrongLength(.rxConnectSpeed, 2))
    }

    @Test func everyFixedLengthIsChecked() {
        for number in UInt16(1)..<40 {
            let attribute = AttributeType(rawValue: number)
            guard let length = attribute.properties?.valueLength else { continue }
            for count in [length.lowerBound - 1, length.upperBound + 1] where (0...AVP.longestValue).contains(count) {
                let avp = AVP(attribute, value: [UInt8](repeating: 1, count: count), isMandatory: true)
                #expect(error(body(ControlMessage.hello.avps + [avp])) == .wrongLength(attribute, count))
            }
            let fitting = AVP(attribute, value: [UInt8](repeating: 1, count: length.lowerBound), isMandatory: true)
            #expect(error(body(ControlMessage.hello.avps + [fitting])) == nil)
        }
    }

    @Test("L10: an Assigned ID of zero is named, and so are other impossible values")
    func impossibleValuesAreNamed() {
        func changed(_ type: MessageType, _ attribute: AttributeType, to value: [UInt8]) -> MessageError? {
            guard var avps = everyMessage.first(where: { $0.type == type })?.avps,
                let index = avps.firstIndex(where: { $0.attribute == attribute })
            else { return nil }
            avps[index].value = value[...]
            return error(body(avps))
        }
        #expect(changed(.sccrq, .assignedTunnelID, to: [0, 0]) == .invalidValue(.assignedTunnelID, 0))
        #expect(changed(.icrq, .assignedSessionID, to: [0, 0]) == .invalidValue(.assignedSessionID, 0))
        #expect(changed(.sccrq, .receiveWindowSize, to: [0, 0]) == .invalidValue(.receiveWindowSize, 0))
        #expect(changed(.sccrq, .protocolVersion, to: [2, 0]) == .versionNotSupported(0x0200))
        // Another revision is not another version.
        #expect(changed(.sccrq, .protocolVersion, to: [1, 1]) == nil)
    }

    @Test("L04: a hidden AVP needs a secret and a Random Vector before it, of which the last counts")
    func hiddenAVPsNeedSecretAndVector() throws {
        let shared = secret("shared")
        let vector = hex("0a0b0c0d")
        let hidden = AVP(
            .assignedSessionID,
            value: Hiding(secret: shared, randomVector: vector).hide([0x43, 0x21], of: .assignedSessionID),
            isHidden: true
        )
        let type = AVP(.messageType, value: [0, 11])
        let random = AVP(.randomVector, value: vector)
        let other = AVP(.randomVector, value: [9])
        #expect(
            try ControlMessage.decode(body([type, random, hidden]), secret: shared) == .icrp(assigned: session(0x4321))
        )
        // Of several, the last before it counts.
        #expect(error(body([type, other, random, hidden]), secret: shared) == nil)
        #expect(error(body([type, random, other, hidden]), secret: shared) != nil)
        #expect(
            error(body([type, hidden, random]), secret: shared) == .unreadable(.assignedSessionID, .noRandomVector)
        )
        #expect(error(body([type, random, hidden])) == .unreadable(.assignedSessionID, .noSecret))
        #expect(
            error(body([type, random, hidden]), secret: secret("other"))
                == .unreadable(.assignedSessionID, .impossibleLength)
        )
        // What need not be understood need not be revealed.
        let name = AVP(.vendorName, value: [1, 2, 3], isHidden: true)
        #expect(error(body([AVP(.messageType, value: [0, 6]), name])) == nil)
    }

    @Test func aFailureStillKnowsWhomToAnswer() {
        func failure(_ bytes: [UInt8]) -> MessageFailure? {
            do throws(MessageFailure) {
                _ = try ControlMessage.decode(bytes)
                return nil
            } catch {
                return error
            }
        }
        let unknown = AVP(AttributeType(rawValue: 99), value: [], isMandatory: true)
        let sccrq = body([AVP(.messageType, value: [0, 1]), unknown, AVP(.assignedTunnelID, value: [0, 7])])
        #expect(
            failure(sccrq)
                == MessageFailure(
                    .unknownMandatory(vendor: 0, AttributeType(rawValue: 99)),
                    type: .sccrq,
                    assignedTunnel: tunnel(7)
                )
        )
        let icrq = body([AVP(.messageType, value: [0, 10]), AVP(.assignedSessionID, value: [0, 8])])
        #expect(failure(icrq) == MessageFailure(.missing(.callSerialNumber), type: .icrq, assignedSession: session(8)))
    }

    /// A prefix is a shorter message or an error, and never a trap.
    @Test(arguments: everyMessage)
    func survivesBeingCutShort(_ message: ControlMessage) {
        let bytes = message.encoded()
        let boundaries = message.avps.reduce(into: [0]) { $0.append(($0.last ?? 0) + 6 + $1.value.count) }
        for count in 0..<bytes.count where !boundaries.contains(count) {
            guard case .malformed? = error(Array(bytes.prefix(count))) else {
                // Not even the type.
                #expect(count < 8 && error(Array(bytes.prefix(count))) == .messageType)
                continue
            }
        }
    }

    @Test("L06: a name of 1,017 bytes is cut, and one that is not UTF-8 is mended")
    func textOfPeersIsCutAndMended() throws {
        var avps = try #require(everyMessage.first { $0.type == .sccrq }).avps
        let index = try #require(avps.firstIndex { $0.attribute == .hostName })
        avps[index].value = [UInt8](repeating: 0x61, count: AVP.longestValue)[...]
        guard case .sccrq(let long) = try ControlMessage.decode(body(avps)) else { return }
        #expect(long.hostName == String(repeating: "a", count: 64))
        avps[index].value = hex("61 1b 5b 0a ff e2 80 ae 62")[...]
        guard case .sccrq(let strange) = try ControlMessage.decode(body(avps)) else { return }
        #expect(strange.hostName == "a\u{FFFD}[\u{FFFD}\u{FFFD}\u{FFFD}b")
    }
}
