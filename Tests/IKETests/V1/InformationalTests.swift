// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct InformationalTests {
    static func notify(
        _ type: NotifyType,
        _ rig: Rig,
        spi: [UInt8]? = nil,
        data: [UInt8] = [0, 0, 0, 9]
    ) -> Payload {
        Payload(
            .notification,
            IKEv1.NotificationPayload(
                protocolID: .isakmp,
                spi: spi ?? rig.peer.cookies.bytes,
                type: type,
                data: data
            )
        )
    }

    static func delete(_ protocolID: IKEv1.ProtocolID, _ spis: [[UInt8]]) -> Payload {
        Payload(.delete, IKEv1.DeletePayload(protocolID: protocolID, spis: spis))
    }

    @Test("D09, twin: R-U-THERE is answered with its own number")
    func areYouThereIsAnswered() throws {
        var rig = try QuickModeTests.established()
        let effects = rig.send(try rig.peer.informational(Self.notify(.areYouThere, rig)))
        let chain = try rig.peer.openInformational(Rig.reply(effects))
        let ack = try IKEv1.NotificationPayload(chain.only(.notification))
        #expect(ack.type == .areYouThereAck)
        #expect(ack.data == [0, 0, 0, 9] && ack.spi == rig.peer.cookies.bytes)
        #expect(rig.endpoint.counters.aliveAnswers == 1)
    }

    @Test("D09: a thousand R-U-THERE in a second get two answers")
    func answersAreBoundedInTime() throws {
        var rig = try QuickModeTests.established()
        var answers = 0
        for number in 0..<1000 {
            rig.now = rig.now.advanced(by: .milliseconds(1))
            let message = try rig.peer.informational(
                Self.notify(.areYouThere, rig, data: RawInitiator.bytes(UInt32(number))),
                messageID: UInt32(number + 1)
            )
            answers += rig.send(message).datagrams.count
        }
        #expect(answers == 2)
    }

    @Test("D09: R-U-THERE with foreign cookies gets no answer, a right one gets one, whatever its number")
    func foreignCookiesAreNotAnswered() throws {
        var rig = try QuickModeTests.established()
        for number in [UInt32.max, 5, 0] {
            rig.now = rig.now.advanced(by: .seconds(1))
            let question = Self.notify(.areYouThere, rig, data: RawInitiator.bytes(number))
            #expect(rig.send(try rig.peer.informational(question)).words == ["transmit"])
        }
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(try rig.peer.informational(Self.notify(.areYouThere, rig, spi: Array(1...16)))).isEmpty)
        #expect(rig.send(try rig.peer.informational(Self.notify(.areYouThere, rig, data: []))).isEmpty)
    }

    @Test("D08: Delete and notifications in clear change nothing and are counted; the same under protection acts")
    func clearTextNeverChangesAnything() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        let before = rig.endpoint.snapshots
        for payload in [
            Self.delete(.isakmp, [rig.peer.cookies.bytes]), Self.delete(.esp, [RawInitiator.bytes(0x1000_0001)]),
            Self.notify(.authenticationFailed, rig),
        ] {
            let message = Message(header: rig.peer.header(.informational, 3), payloads: [payload]).encode()
            #expect(rig.send(message).isEmpty)
        }
        #expect(rig.endpoint.snapshots == before)
        #expect(rig.endpoint.counters.unprotectedInformational == 3)
        let real = try rig.peer.informational(Self.delete(.isakmp, [rig.peer.cookies.bytes]))
        #expect(rig.send(real).words.contains("deletedByPeer"))
    }

    @Test("D04: an informational message with a wrong hash does nothing")
    func aWrongHashIsIgnored() throws {
        var rig = try QuickModeTests.established()
        guard let cipher = rig.peer.cipher else { return }
        let chain = PayloadChain([
            Payload(.hash, [UInt8](repeating: 0, count: 32)), Self.delete(.isakmp, [rig.peer.cookies.bytes]),
        ])
        let sealed = try IKEv1.seal(
            rig.peer.header(.informational, 4),
            chain,
            with: cipher,
            iv: rig.peer.phaseTwoIV(4)
        )
        #expect(rig.send(sealed.bytes).words == ["[hash-mismatch]"])
        #expect(rig.state == "established")
    }

    @Test("D06: of two Deletes of the IKE SA the first one counts, and what follows it is ignored")
    func aSecondDeleteIsIgnored() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        let id = try #require(rig.endpoint.snapshots.first?.id)
        let delete = Self.delete(.isakmp, [rig.peer.cookies.bytes])
        let message = try rig.peer.informational(
            delete,
            delete,
            Self.delete(.esp, [RawInitiator.bytes(0x1000_0001)])
        )
        let effects = rig.send(message)
        #expect(effects.words == ["[deleted-by-peer]", "remove", "deletedByPeer"])
        #expect(effects.last == .deletedByPeer(id))
        #expect(rig.send(message).isEmpty)
        #expect(rig.wait(.seconds(10)) == [.closed(id)])
        #expect(rig.endpoint.snapshots.isEmpty && rig.endpoint.nextDeadline == nil)
        #expect(rig.send(message).isEmpty)
        #expect(rig.endpoint.counters.unknownSA == 1)
    }

    @Test("D07: a Delete of a thousand foreign SPIs removes nothing")
    func foreignSPIsInADeleteAreIgnored() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        let message = try rig.peer.informational(
            Self.delete(.esp, (0..<1000).map { RawInitiator.bytes($0) }),
            Self.delete(.isakmp, [[UInt8](repeating: 7, count: 16)]),
            Self.delete(.ah, [RawInitiator.bytes(0x1000_0001)])
        )
        #expect(rig.send(message).isEmpty)
        #expect(rig.endpoint.snapshots.first?.children.count == 1)
    }

    @Test func notificationsAreRecordedByName() throws {
        var rig = try QuickModeTests.established()
        let effects = rig.send(
            try rig.peer.informational(
                Self.notify(.initialContact, rig),
                Self.notify(.invalidIDInformation, rig),
                Self.notify(.connected, rig),
                Self.notify(.areYouThereAck, rig)
            )
        )
        #expect(effects.words == ["[initial-contact]", "[peer-notification]"])
        #expect(effects.events.last?.description.message == "the peer says INVALID-ID-INFORMATION")
    }

    @Test func aMalformedPayloadDoesNotHideTheNextOne() throws {
        var rig = try QuickModeTests.established()
        let broken = Payload(.delete, [0, 0, 0, 1, 3, 4, 0xFF, 0xFF])
        let effects = rig.send(try rig.peer.informational(broken, Self.delete(.isakmp, [rig.peer.cookies.bytes])))
        #expect(effects.words == ["[malformed-message]", "[deleted-by-peer]", "deletedByPeer"])
    }

    @Test func goodbyeNamesTheChildrenThenTheIKESA() throws {
        var rig = try QuickModeTests.established()
        let child = try rig.toChild()
        let effects = rig.endpoint.closeAll(at: rig.now)
        #expect(effects.words == ["transmit", "transmit", "[closed]", "closed"])
        let deletes = try effects.datagrams.map { datagram in
            try IKEv1.DeletePayload(rig.peer.openInformational(datagram.bytes).only(.delete))
        }
        #expect(deletes[0].protocolID == .esp)
        #expect(deletes[0].spis == [RawInitiator.bytes(child.id.inboundSPI.rawValue)])
        #expect(deletes[1].protocolID == .isakmp)
        #expect(deletes[1].spis == [rig.peer.cookies.bytes])
    }

    @Test("D12: mode config and XAUTH are not looked at, an attribute past its end included; quick mode goes on")
    func transactionsAreNotSupported() throws {
        var rig = try QuickModeTests.established()
        for attributes in [[0, 0], [1, 0, 0, 7, 0x40, 0x88, 0xFF, 0xFF]] as [[UInt8]] {
            let message = try rig.peer.seal(.transaction, 5, [Payload(.attribute, attributes)]).bytes
            #expect(rig.send(message).words == ["[unsupported-exchange]"])
        }
        try rig.toChild()
    }
}

/// A peer replaces its IKE SA while its children go on.
struct SuccessionTests {
    /// The same peer again, with another cookie.
    static func reestablished() throws -> (rig: Rig, old: RawInitiator, child: ChildSA) {
        var rig = try QuickModeTests.established()
        let child = try rig.toChild()
        let old = rig.peer
        rig.peer = RawInitiator()
        rig.peer.cookieI = Cookie(rawValue: 0x5555)
        try rig.toEstablished()
        return (rig, old, child)
    }

    @Test func deletingTheOldIKESALeavesItsChildren() throws {
        var (rig, old, child) = try Self.reestablished()
        let delete = InformationalTests.delete(.isakmp, [old.cookies.bytes])
        #expect(rig.send(try old.informational(delete)).words == ["[deleted-by-peer]"])
        let snapshot = try #require(rig.endpoint.snapshot(of: child.id.ike))
        #expect(snapshot.state == "retired")
        #expect(snapshot.children.count == 1)
        #expect(rig.endpoint.snapshots.count == 2)
    }

    @Test func aChildOfTheOldIKESAIsDeletedUnderTheNewOne() throws {
        for retiresFirst in [false, true] {
            var (rig, old, child) = try Self.reestablished()
            if retiresFirst {
                _ = rig.send(try old.informational(InformationalTests.delete(.isakmp, [old.cookies.bytes])))
            }
            let delete = InformationalTests.delete(.esp, [RawInitiator.bytes(0x1000_0001)])
            let effects = rig.send(try rig.peer.informational(delete))
            #expect(effects.first == .remove(child.id))
            #expect(effects.contains(.closed(child.id.ike)) == retiresFirst)
            #expect(rig.endpoint.snapshots.count == (retiresFirst ? 1 : 2))
        }
    }

    @Test func aNewChildSaysWhoseItIs() throws {
        var (rig, _, child) = try Self.reestablished()
        let new = try rig.toChild(7, spi: 0x1000_0007)
        #expect(new.previousIKE == child.id.ike)
        #expect(child.previousIKE == nil)
    }

    @Test func anIKESAThatExpiresLeavesItsChildrenToTheirOwnEnd() throws {
        var rig = Rig()
        rig.peer.ikeLifetime = 600
        try rig.toEstablished()
        let child = try rig.toChild()
        let effects = rig.wait(.seconds(600))
        #expect(effects.words == ["transmit", "[expired]"])
        #expect(rig.state == "retired")
        #expect(rig.wait(.seconds(3000)).words == ["remove", "[child-expired]", "closed"])
        #expect(rig.endpoint.snapshots.isEmpty)
        #expect(child.previousIKE == nil)
    }

    @Test func anotherPeerBehindTheSameAddressIsNoSuccessor() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        let old = rig.peer
        rig.peer = RawInitiator()
        rig.peer.cookieI = Cookie(rawValue: 0x6666)
        rig.peer.identity = IKEv1.IDPayload(.v4(0xC0A8_0106), protocolNumber: 17, port: 500)
        rig.source.port = 1025
        rig.peer.ownAddress = rig.source
        try rig.toEstablished()
        let delete = InformationalTests.delete(.isakmp, [old.cookies.bytes])
        #expect(
            rig.send(try old.informational(delete)).words == ["[deleted-by-peer]", "remove", "deletedByPeer"]
        )
        #expect(rig.wait(.seconds(10)).words == ["closed"])
        #expect(rig.endpoint.snapshots.count == 1)
    }

    @Test func aHundredRekeyingsLeaveNothingBehind() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        for number in 0..<100 {
            let old = rig.peer
            rig.now = rig.now.advanced(by: .seconds(1))
            rig.peer = RawInitiator()
            rig.peer.cookieI = Cookie(rawValue: 0x1_0000 + UInt64(number))
            try rig.toEstablished()
            let spi = 0x1000_0002 + UInt32(number)
            try rig.toChild(1, spi: spi)
            _ = rig.send(try rig.peer.informational(InformationalTests.delete(.esp, [RawInitiator.bytes(spi - 1)])))
            _ = rig.send(try old.informational(InformationalTests.delete(.isakmp, [old.cookies.bytes])))
            _ = rig.wait(.seconds(5))
            #expect(rig.endpoint.snapshots.count == 1)
            #expect(rig.endpoint.snapshots.first?.children.count == 1)
        }
    }
}
