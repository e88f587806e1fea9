// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Testing

/// Always the same number: what is made of it can be written down.
struct FixedEntropy: EntropySource {
    var byte: UInt8 = 0x11

    func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }
}

struct LCPOptionsTests {
    private func options(_ methods: [AuthenticationMethod] = [.mschapv2, .chapMD5, .pap]) -> LCPOptions {
        LCPOptions(mru: 1400, methods: methods, entropy: FixedEntropy())
    }

    private func list(_ text: String) -> [PPP.Option] {
        (try? PPP.Option.list(from: hex(text)[...])) ?? []
    }

    @Test func asksForSizeProofAndMagicNumber() {
        #expect(PPP.Option.encode(options().request) == hex("01 04 0578  03 05 C223 81  05 06 11111111"))
        #expect(PPP.Option.encode(options([.chapMD5]).request) == hex("01 04 0578  03 05 C223 05  05 06 11111111"))
        #expect(PPP.Option.encode(options([.pap]).request) == hex("01 04 0578  03 04 C023  05 06 11111111"))
    }

    /// What the peer asks for, and what it hears.
    @Test(
        "P16: an MRU below 576, an odd ACCM and what we do not speak are Naked or rejected",
        arguments: [
            ("", "ack", ""),
            ("01 04 0578 02 06 00000000 05 06 22222222 07 02 08 02", "ack", ""),
            ("01 04 FFFF", "ack", ""),
            ("01 04 0240", "ack", ""),
            ("01 04 023F", "nak", "01 04 0240"),
            ("01 04 0000", "nak", "01 04 0240"),
            ("01 03 05", "nak", "01 04 0240"),
            ("02 03 00", "nak", "02 06 00000000"),
            ("05 06 00000000", "nak", "05 06 11111111"),
            ("05 04 2222", "nak", "05 06 11111111"),
            ("07 03 01", "nak", "07 02"),
            ("03 04 C023", "reject", "03 04 C023"),
            ("04 04 C025", "reject", "04 04 C025"),
            ("0D 03 06", "reject", "0D 03 06"),
            ("11 04 05DC 13 03 00", "reject", "11 04 05DC 13 03 00"),
            ("01 04 0000 0D 03 06", "reject", "0D 03 06"),
        ]
    )
    func judges(_ asked: String, _ kind: String, _ told: String) {
        var options = options()
        let expected: OptionsAnswer =
            switch kind {
            case "nak": .nak(list(told))
            case "reject": .reject(list(told))
            default: .ack
            }
        #expect(options.judge(list(asked), mayNak: true) == expected)
    }

    @Test func rejectsWhatItCannotNakAnyLonger() {
        var options = options()
        #expect(options.judge(list("01 04 0000 05 06 22222222"), mayNak: false) == .reject(list("01 04 0000")))
    }

    @Test func remembersTheSizeThatWasAcknowledged() {
        var options = options()
        #expect(options.peerMRU == 1500)
        _ = options.judge(list("01 04 0578 0D 03 06"), mayNak: true)
        #expect(options.peerMRU == 1500)
        _ = options.judge(list("01 04 0578"), mayNak: true)
        #expect(options.peerMRU == 1400)
        _ = options.judge(list(""), mayNak: true)
        #expect(options.peerMRU == 1500)
    }

    @Test("P05: our own magic number is Naked twice, and a loop the third time")
    func ourOwnMagicNumberIsALoopTheThirdTime() {
        var options = options()
        let own = list("05 06 11111111")
        #expect(options.judge(own, mayNak: true) == .nak(own))
        #expect(options.judge(own, mayNak: true) == .nak(own))
        #expect(options.judge(own, mayNak: true) == .hopeless(.loop))
    }

    /// What we accept, what the peer's Naks name, what we ask for in the end.
    @Test(
        "P16: of a peer's list of methods the first that we accept is taken, unknown ones are passed over",
        arguments: [
            ([.mschapv2, .chapMD5, .pap], ["03 05 C223 05"], .chapMD5),
            ([.mschapv2, .chapMD5, .pap], ["03 04 C023"], .pap),
            ([.mschapv2, .chapMD5, .pap], ["03 04 C227"], .chapMD5),
            ([.mschapv2, .chapMD5, .pap], ["03 05 C223 80", "03 04 C027"], .pap),
            ([.mschapv2, .chapMD5, .pap], ["03 04 C227 03 04 C023"], .pap),
            ([.mschapv2, .pap], ["03 05 C223 05"], .pap),
            ([.mschapv2, .pap], ["03 03 C0"], .pap),
        ] as [([AuthenticationMethod], [String], AuthenticationMethod)]
    )
    func goesDownItsListOfMethods(
        _ accepted: [AuthenticationMethod],
        _ naks: [String],
        _ chosen: AuthenticationMethod
    ) throws {
        var options = options(accepted)
        for nak in naks { try options.nakReceived(list(nak)) }
        #expect(options.method == chosen)
    }

    @Test func saysWhatBothWantedWhenNoMethodIsLeft() throws {
        var options = options([.mschapv2, .chapMD5])
        try options.nakReceived(list("03 04 C227"))
        do throws(NegotiationError) {
            try options.nakReceived(list("03 05 C223 80"))
            Issue.record("nothing was left to agree on")
        } catch {
            #expect(
                error.description == "authentication: the peer wants EAP, mschap, accepted here: mschapv2, chap-md5"
            )
        }
    }

    @Test("P08: a peer that rejects authentication is given up on")
    func aPeerThatRejectsAuthenticationIsGivenUpOn() {
        var options = options()
        #expect(throws: NegotiationError.authentication(accepted: [.mschapv2, .chapMD5, .pap], proposed: [])) {
            try options.rejectReceived(list("03 05 C223 81"))
        }
    }

    @Test func dropsWhatIsRejected() throws {
        var options = options()
        try options.rejectReceived(list("01 04 0578 05 06 11111111"))
        #expect(PPP.Option.encode(options.request) == hex("03 05 C223 81"))
        #expect(options.localMagic == nil)
    }

    @Test(arguments: [("01 04 0500", 1280), ("01 04 05DC", 1400), ("01 04 0001", 1400), ("01 03 05", 1400)])
    func takesASmallerSizeButNoLargerOne(_ nak: String, _ size: UInt16) throws {
        var options = options()
        try options.nakReceived(list(nak))
        #expect(options.localMRU == size)
    }
}
