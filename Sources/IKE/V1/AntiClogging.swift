// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

extension IKEv1 {
    /// Responder cookies that are enough to know our own message 2 again: nothing is kept of whoever gets one, and nobody
    /// else can make one up.
    ///
    /// Eight bytes: 13 bits for the place of the ``Offer`` (plus one; 0 for none), 3 bits for the time, 48 bits of an
    /// HMAC over both addresses, the initiator's cookie, that offer and the full time.
    ///
    /// - SeeAlso: RFC 2408 §2.5.3
    package struct AntiClogging: Sendable {
        /// A cookie is good for as many of these as an exchange may take, and the one it was made in.
        package static let step: Duration = .seconds(10)
        private static let steps: UInt64 = 8
        private static let stepBits: UInt64 = 3
        private static let macBits: UInt64 = 48

        private let hmac: HMAC
        /// In steps.
        private let life: UInt64

        package init(exchangeTimeout: Duration, entropy: any EntropySource) {
            hmac = HMAC(.sha256, key: entropy.secret(32))
            let steps = (exchangeTimeout / .seconds(1) / (Self.step / .seconds(1))).rounded(.up)
            life = UInt64(min(max(1, steps), Double(Self.steps - 1)))
        }

        private static func step(_ now: MonotonicTime) -> UInt64 {
            UInt64(max(0, now.nanoseconds) / step.wholeNanoseconds)
        }

        /// The cookie for a first message, and a name for the exchange that follows from it alike.
        ///
        /// - Parameters:
        ///   - place: Where the offer is; `nil` for a message that was refused.
        ///   - serial: The offer's: what comes into the same place later has another one.
        package func issue(
            to initiator: Cookie,
            over path: Path,
            place: Int?,
            serial: UInt64,
            at now: MonotonicTime
        ) -> (cookie: Cookie, trace: TraceID) {
            token(initiator, path, place: place.map { UInt64($0) + 1 } ?? 0, serial: serial, step: Self.step(now))
        }

        /// The place of the offer that a cookie would be for; whether it is one is for ``isOurs(_:over:serial:at:)`` to say.
        package static func place(in cookie: Cookie) -> Int? {
            let number = cookie.rawValue >> (stepBits + macBits)
            return number == 0 ? nil : Int(number) - 1
        }

        /// - Returns: The name of the exchange, if we made the cookie for this peer and this offer not long ago.
        package func verify(
            _ cookies: CookiePair,
            over path: Path,
            serial: UInt64,
            at now: MonotonicTime
        ) -> TraceID? {
            let value = cookies.responder.rawValue
            let current = Self.step(now)
            let age = (current &- (value >> Self.macBits)) % Self.steps
            guard age <= life, age <= current else { return nil }
            let place = value >> (Self.stepBits + Self.macBits)
            let expected = token(cookies.initiator, path, place: place, serial: serial, step: current - age)
            return expected.cookie == cookies.responder ? expected.trace : nil
        }

        private func token(
            _ initiator: Cookie,
            _ path: Path,
            place: UInt64,
            serial: UInt64,
            step: UInt64
        ) -> (cookie: Cookie, trace: TraceID) {
            var writer = ByteWriter(reservingCapacity: 80)
            writer.integer(initiator.rawValue)
            writer.integer(place)
            writer.integer(serial)
            writer.integer(step)
            writer.append(path.local.address.bytes)
            writer.append(path.peer.address.bytes)
            writer.integer(path.peer.port)
            let mac = hmac.authenticate(writer.bytes)
            let number = mac.prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let trace = mac.dropFirst(8).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let value = place << (Self.stepBits + Self.macBits) | (step % Self.steps) << Self.macBits | number
            // Zero would mean "not chosen yet": once in 2^48 messages that were refused anyway.
            return (Cookie(rawValue: max(1, value)), TraceID(rawValue: trace))
        }
    }
}
