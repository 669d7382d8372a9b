"""The words that names of secrets and personal data are made of, and those that turn their meaning.

Owns the lists. Written in lower case, without accents, in words: `names` finds them in every other spelling.
"""

from __future__ import annotations


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (" ".join(each.split()) for each in text.split(","))))


SECRETS: dict[str, tuple[str, ...]] = {
    "password": _listed("""
        password, passwd, pwd, passwrd, pass word, passphrase, pass phrase, passcode, pass, psw, pw, pswd, paswd,
        passwort, kennwort, contrasena, clave de acceso, mot de passe, motdepasse, mdp, senha, wachtwoord, haslo,
        lozinka, heslo, jelszo, parola, losenord, adgangskode, salasana, sifre, 密码, 密碼, パスワード, пароль,
        비밀번호, סיסמה, كلمة المرور, psk, wpa psk, pre shared key, preshared key, wifi key, wlan key,
        wifi password, κωδικός, كلمة السر, mat khau, kata sandi, รหัสผ่าน, पासवर्ड, 暗証番号, parole, slaptazodis,
        parool, фраза, zaporka, sandi
    """),
    "token": _listed("""
        token, access tokens, refresh tokens, auth tokens, api tokens, bearer, jwt, jws, authorization, proxy
        authorization, x auth, authorization code, auth code, device code, code verifier, saml response, saml request,
        saml assertion, client assertion, dpop, 令牌, トークン, user code, crumb, jenkins crumb, csrf, xsrf,
        token accessor
    """),
    "api-key": _listed("""
        api key, app key, application key, access key, access key id, account key, subscription key, consumer
        key, license key, licence key, authentication key, activation key, developer key, service key, server
        key, auth key, integration key, ingest key, ingestion key, write key, admin key, shared access key, api
        credential, transaction key
    """),
    "secret": _listed("""
        secret, secret key, secret access key, secret id, connection string, conn string, conn str,
        shared access signature, geheimnis
    """),
    "private-key": _listed("""
        private key, priv key, signing key, encryption key, decryption key, ssh key, rsa key, pem key, master key,
        hmac key, aes key, cipher key, client key data, tls key, wallet key, seed phrase, mnemonic, recovery phrase
    """),
    "session": _listed("""
        session id, session token, session key, sess id, sessid, jsessionid, phpsessid, connect sid, cookie, cookies,
        set cookie
    """),
    "security-code": _listed("""
        cvv, cvv 2, cvc, cvc 2, csc, card code, security code, card verification value, pin, pin code, otp,
        otp code, one time password, one time code, totp, mfa code, two factor code, sms code, verification code,
        recovery code, backup code, reset code, security answer, secret answer, mothers maiden name,
        mother maiden name, puk, cryptogram, open code, pickup code, door code, unlock code, gate code, locker code,
        delivery code, access code, lock code, lock codes, alarm code, entry code, pin number, geheimzahl,
        codigo de seguridad, codigo de verificacion, code de verification, codice di sicurezza, kod pin, puk code
    """),
}
_PEOPLE = _listed("""
    pupil, customer, patient, recipient, beneficiary, employee, guest, passenger, student, spouse, applicant, buyer,
    sender, payee, payer, insured, tenant, doctor, physician, father, mother, guardian, attendee, signatory,
    signer, donor, candidate, consignee, traveler, traveller, debtor, creditor, policyholder, policy holder,
    claimant, author, committer, pusher, witness, borrower, voter, victim, suspect, defendant, plaintiff, invitee,
    assignee, reviewer, teacher, nurse, practitioner, shopper, cardholder, account holder, person, emergency
    contact, next of kin, kontakt, kunde, kundin, mieter, patientin, versicherter, ansprechpartner, empfaenger,
    empfanger, absender, titular, cliente, paciente, trabajador, trabajadora, empleado, empleada, pasajero,
    huesped, solicitante, pagador, pagadora, beneficiario, beneficiaria, destinatario, remetente, comprador,
    funcionario, ospite, paziente, passeggero, dipendente, mittente, intestatario, salarie, voyageur, titulaire,
    beneficiaire, destinataire, expediteur, assure, klant, werknemer, huurder, klient, pacjent, pracownik,
    zakaznik, musteri
""")
_CALLED_BY = ("name", "nm", "nome", "nombre", "nom", "naam", "namn", "navn")
"""A name, in languages in which a role may stand in front of it."""
PERSONAL: dict[str, tuple[str, ...]] = {
    "email": _listed("""
        email, e mail, mail address, email address, correo electronico, courriel, adresse mail, e posta,
        emailadresse, 邮箱, 電子郵件, メール, メールアドレス, почта, 이메일
    """),
    "phone": _listed("""
        phone, phone number, phone no, telephone, telephone number, mobile number, mobile phone, mobile no,
        cell phone, cell number, contact number, fax, fax number, tel, tel no, msisdn, whatsapp number, handynummer,
        telefon, telefonnummer, mobilnummer, rufnummer, telefono, movil, celular, numero de telephone, telefone,
        telefoon, puhelin, 电话, 手机, 手机号, 電話番号, 携帯番号, телефон, 전화번호, telemovel, cellulare,
        cellulari, recapito telefonico, numero di telefono, טלפון, נייד, מספר טלפון, โทรศัพท์, เบอร์โทร,
        เบอร์โทรศัพท์, मोबाइल, मोबाइल नंबर, फोन, τηλέφωνο, κινητό, الهاتف, الجوال, هاتف, رقم الهاتف, رقم الجوال,
        شماره تلفن, sdt, dien thoai, so dien thoai, số điện thoại, no hp, nomor hp, nomor telepon, telpon, telepon,
        fone, ponsel, 휴대폰, 휴대전화, 휴대폰번호, 연락처, mobilnr, tlf, tlf nr, gsm nr, puhelinnumero,
        telefoonnummer, mobiel, telefonszam, telefonas, telefonnr, handynr, handy nr, rufnr, wa id,
        caller id number, calling number, called number, caller number, callee number, numero de telefone,
        numero de celular, nr telefonu, telefon komorkowy, cep telefonu, gsm no, phone1, phone2, mobile1, mobil nr,
        联系电话, 手机号码, 電話, 携帯電話
    """),
    "card": _listed("""
        card number, card no, card num, credit card, debit card, payment card, cc number, cc num, cc no,
        primary account number, pan number, card pan, kreditkarte, kreditkartennummer, kartennummer,
        numero de tarjeta,
        numero de carte, numero do cartao, 银行卡号, カード番号
    """),
    "iban": _listed("""
        iban, iban number, iban code, iban nr, konto iban, iban konto, iban account
    """),
    "bank-account": _listed("""
        bank account, bank account number, bank account no, account number, account no, acct number, acct no,
        acct num, kontonummer, konto nr, routing number, routing, routing no, routing code, aba routing,
        aba routing number, aba, aba number, transit number, sort code, bban, clabe, numero de cuenta,
        numero de compte, rekeningnummer, bsb, bsb number, bic, bic code, swift, swift code, swift bic, bic swift,
        ifsc, ifsc code, bankleitzahl, blz, acc no, acc num, acc number, account num, konto, kontonr, konto numer,
        numer konta, numer rachunku, nr rachunku, cislo uctu, bankszamlaszam, szamlaszam, broj racuna, tilinumero,
        kontonumber, rekeningnr, numero de conta, conta bancaria, cuenta bancaria, numero conto, rib, cbu, cvu,
        ispb, bank acc, bank acct, acct, account identification, beneficiary account, debtor account,
        creditor account, payer account, payee account, 银行账号, 口座番号, 계좌번호, nomor rekening, no rekening,
        so tai khoan
    """),
    "ssn": _listed("ssn, social security number, social security no, social security, social insurance number, itin"),
    "national-id": _listed("""
        national id, national id number, national identification number, national identity number, identity number,
        identity card number, id card number, id number, citizen id, personal number, personal id number, nino,
        national insurance number, aadhaar, aadhaar number, aadhar, pan card, cpf, dni, nie, nif, curp, bsn, pesel,
        personnummer, fodselsnummer, cpr number, hetu, codice fiscale, numero de securite sociale, rodne cislo,
        personalausweisnummer, ausweisnummer, sozialversicherungsnummer, rentenversicherungsnummer, rut,
        personal identity code, personal code, voter id, voter id number, epic number, tckn, tc kimlik,
        tc kimlik no, ppsn, pps number, jmbg, oib, cnic, bvn, hkid, mykad, cuil, cedula, emirates id, nric,
        resident id, cnp, egn, emso, embg, snils, amka, avs number, ahv number, ahv nummer, svnr, sv nummer, taj,
        taj szam, isikukood, asmens kodas, personas kods, kennitala, cpr, cpr nr, fnr, fodselsnummer nr, nin, nik,
        ktp, nomor ktp, nik ktp, cccd, iqama, iqama number, thai id, teudat zehut, my number, individual number,
        social insurance no, sin number, burgerservicenummer, rijksregisternummer, resident number, population id,
        mynumber, kimlik no, kimlik, steuerliche identifikationsnummer, henkilotunnus, unique identity number,
        身份证, 身份证号, 身份证号码, マイナンバー, 주민등록번호, identification number, documento numero,
        documento number, numero documento, numero de documento, identity document number, docs number, num ss,
        numero ss, nss, numero de seguridad social, תעודת זהות, מספר זהות, idnr, personnr, foedselsnummer,
        fodselsnr, numero utente, numero de utente, kvid, registre national, numero national, rijksregisternr,
        alien number, alien registration number, เลขประจำตัวประชาชน, เลขบัตรประชาชน, егн, единен граждански номер,
        आधार, आधार संख्या, आधार नंबर, снилс, паспорт, паспорт номер, серия паспорта, dowod osobisty,
        seria i numer dowodu, seria dowodu, numer dowodu, serie ci, رقم الهوية, الرقم القومي, کد ملی, cmnd, so cccd,
        número de identidad, numero de identidad, documento de identidad, carta identita, numero carta identita,
        henkilotunnus hetu, cpr nummer, pnr, matricule fiscal, carte nationale, numero de carte d identite, cin,
        nin number, ghana card, kimlik numarasi, tc no, tckimlik, sozialversicherungsnr, rvnr, 住民票コード,
        個人番号, numero de identificacion, identificacion, nr buletin, serie buletin
    """),
    "passport": _listed("""
        passport, passport number, passport no, passport num, passport id, reisepass, reisepassnummer, pasaporte,
        numero de passeport, passaporto, 护照, 护照号, mrz, machine readable zone, passport book number,
        паспорт серия, numer paszportu, paszport, pasaport, pasaport no, paspoort, paspoortnummer, pass nr,
        passnummer, passnr, pas nummer, so ho chieu, 旅券番号, 여권번호, جواز السفر, رقم الجواز
    """),
    "driver-licence": _listed("""
        driver license, drivers license, driving license, driver licence, drivers licence, driving licence,
        driver license number, drivers license number, driving license number, driver licence number,
        drivers licence number, driving licence number, dl number, fuhrerscheinnummer, license number,
        licence number, licence no, license no, numero de licencia, carnet de conducir, permis de conduire,
        numero de permis, patente numero, prawo jazdy, rijbewijs, rijbewijsnummer, korkort, korkortsnummer,
        ajokortti, 驾驶证号, 運転免許証番号
    """),
    "vehicle": _listed("""
        license plate, licence plate, number plate, plate number, plate no, license plate number,
        licence plate number,
        registration plate, vehicle registration number, vin, vehicle identification number, kennzeichen, kenteken,
        matricula, immatriculation, plaque d immatriculation, targa
    """),
    "device-id": _listed("""
        imei, imei number, imei no, meid, imsi, iccid, udid, mac address, mac addr, device mac, wifi mac,
        bluetooth mac, ifa, idfa, idfv, gaid, aaid, advertising id, adid, android id, eid, seid
    """),
    "client-address": _listed("""
        user ip, client ip, customer ip, visitor ip, login ip, remote ip, actor ip, signup ip, ip address, ip addr,
        remote addr, remote address, client address, x forwarded for, forwarded for, x real ip, real ip,
        cf connecting ip, true client ip, shopper ip, browser ip, ip signup, buyer ip, device ip, session ip,
        registration ip, ip opt, payer ip, cardholder ip, context ip, user agent ip, login address, signin ip,
        sign in ip, last login ip, registered ip, created ip, created by ip, creation ip, author ip, sender ip,
        originating ip
    """),
    "geo": _listed("""
        user location, user position, user lat, user lng, user lon, user latitude, user longitude, user coordinates,
        customer lat, customer lng, customer lon, home lat, home lng, home lon, home location, home coordinates,
        gps, gps lat, gps lng, gps lon, gps latitude, gps longitude, gps coordinates, gps location, gps position,
        last position, last location, last known location, last known position, current position, device location,
        pickup lat, pickup lng, pickup lon, dropoff lat, dropoff lng, dropoff lon, drive state latitude,
        drive state longitude, pickup latitude, pickup longitude, dropoff latitude, dropoff longitude, driver lat,
        driver lng, rider lat, rider lng, start lat, start lng, end lat, end lng, user geo, home geo,
        geo location user
    """),
    "tax-id": _listed("""
        tax id, tax id number, tax identification number, tax number, tax file number, tin, taxpayer id,
        steuernummer, steuer id, steueridentifikationsnummer, numero fiscal, tfn, tax file no, cuit, afm, rnokpp,
        inn, iin, rfc, ein, ein number, employer id, employer identification number, abn, abn number, ird,
        ird number, cnpj, partita iva, nip, ruc, nit, adoazonosito, adoszam, vat number, vat id, vat no,
        vat registration number, ust id, ust id nr, umsatzsteuer id, инн, иин, рнокпп, αφμ, steuerliche idnr,
        identifikacni cislo, dic, nif number, nipt, npwp, kra pin, pan no, cuil cuit, codice fiscale partita iva,
        mst, ma so thue, 納税者番号, 税号
    """),
    "health-id": _listed("""
        health insurance id, insurance id, insurance no, insurance policy number, insured id, health id,
        health plan id, nhs number, nhs no, medical record no, medical record number, mrn, patient id,
        patient number, health insurance number, health card number, medicare number, medicaid number,
        insurance number, versichertennummer, krankenversicherungsnummer, medicare, kvnr, kvid 10,
        krankenversichertennummer, numero de securite sociale nir, nir, secu, sus number, cartao sus, cns,
        kupat holim, yozgat, medicare no, policy holder id, subscriber number, chi number, hcn, health card
    """),
    "birth-date": _listed("""
        birth date, date of birth, dob, birthday, birth day, birth year, birth month, born on, geburtsdatum,
        geburtstag, date de naissance, date naissance, fecha de nacimiento, fecha nacimiento, data de nascimento,
        data nascimento, data di nascita, geboortedatum, data urodzenia, 出生日期, 生年月日, 생년월일,
        дата рождения, geb, geb datum, gebdat, gebdatum, fodselsdato, foedselsdato, fodselsdag, syntymaaika,
        szuletesi ido, szuletesi datum, data nasterii, datum rodenja, datum rodjenja, datum narozeni,
        datum narodenia, tanggal lahir, tgl lahir, ngay sinh, תאריך לידה, วันเกิด, ημερομηνία γέννησης, ημ γέννησης,
        дата народження, تاريخ الميلاد, تاریخ تولد, जन्म तिथि, जन्मतिथि, dogum tarihi, fodelsedatum, fecha nac,
        fec nac, dt nascimento, nascimento, data nasc, nato il, ne le, naissance, birthdate year, gimimo data,
        dzimsanas datums, sunniaeg, дата на раждане, датум рођења, 出生年月, 生日, 생일, 誕生日, birthdt,
        dateofbirth, born, data nascita
    """),
    "name": _listed("""
        first name, last name, given name, family name, middle name, maiden name, surname, fname, lname, forename,
        legal name, preferred name, card holder, card holder name, name on card, account holder, billing name,
        shipping name, real name, vorname, nachname, familienname, prenom, nom de famille, nom complet,
        nombre completo, apellido, primer apellido, segundo apellido, sobrenome, nome completo, cognome, imie,
        nazwisko, voornaam, achternaam, fornamn, efternamn, name given, name family, name first, name last,
        name middle, dbtr nm, cdtr nm, apellidos, apellido paterno, apellido materno, primer nombre, segundo nombre,
        nombre y apellidos, nombre del titular, nombre titular, nombre cliente, nombre del cliente, nome do cliente,
        nome do titular, nome titular, nome cliente, nome e cognome, intestatario, nom du titulaire, nom du client,
        nom client, nom de naissance, nom d usage, prenoms, kundenname, kontoinhaber, karteninhaber,
        ansprechpartner, kontaktperson, rekeninghouder, imie i nazwisko, jmeno a prijmeni, prijmeni, teljes nev,
        nume complet, nume de familie, volledige naam, fullstandigt namn, ad soyad, adi soyadi, soyad, soyadi, 姓名,
        氏名, 이름, фамилия, имя, фио, フリガナ, ふりがな, カナ, よみがな, oid 2 5 4 42, oid 2 5 4 4, contact name,
        consumer name, vornamen, nachnamen, fornavn, etternavn, efternavn, prenume, nombres, nama lengkap,
        nama depan, nama belakang, họ tên, ho ten, họ và tên, ho va ten, nguoi nhan, nguoi gui, שם, שם פרטי,
        שם משפחה, שם מלא, ชื่อ, ชื่อนามสกุล, นามสกุล, 성명, 성함, नाम, पूरा नाम, الاسم, اسم, الاسم الكامل, المرسل,
        المستلم, نام, نام خانوادگی, πελάτης, όνομα, ονοματεπώνυμο, επώνυμο, отчество, клієнт, ім'я, прізвище, піб,
        име, презиме, ime prezime, ime i prezime, imeprezime, prezime, име и фамилия, お名前, 名前, ご氏名, 申請者,
        收货人, 收件人, 联系人, 客户姓名, 真实姓名, 名字, meno, priezvisko, jmeno, jmeno prijmeni, nev, vezeteknev,
        keresztnev, sukunimi, etunimi, eesnimi, perekonnanimi, vards, uzvards, vardas, pavarde, voornamen,
        voorletters, roepnaam, tussenvoegsel, geburtsname, rufname, titulaire de la carte, nome da mae, nome do pai,
        nombre de la madre, nombre del padre, subject display, beneficiary display, performer display,
        recorder display, author display, patient display, personal user name, personal name, given names,
        forenames, last names, names full, name full, holder name
    """)
    + tuple(f"{role} {name}" for role in _PEOPLE for name in _CALLED_BY),
    "special-category": _listed("""
        religion, religious affiliation, religious belief, sexual orientation, sexuality, gender identity, ethnicity,
        ethnic origin, ethnic group, racial origin, political affiliation, political opinion, political views,
        trade union membership, union membership, blood type, blood group, allergies, allergien, disability, hiv status,
        konfession, religionszugehorigkeit, orientacion sexual, religione, orientation sexuelle
    """),
    "address": _listed("""
        street, street address, street name, street line, address line, address 1, address 2, addr 1, addr 2,
        home address, postal address, mailing address, billing address, shipping address, delivery address,
        residential address, work address, house number, postal code, post code, zip code, zip, plz, postleitzahl,
        strasse, hausnummer, anschrift, wohnort, code postal, codigo postal, direccion, endereco, cep, indirizzo,
        ulica, kod pocztowy, straat, 地址, 住址, 住所, 郵便番号, 주소, address first line, address second line,
        strt nm, bldg nb, pst cd, adr line, calle, rue, direccion linea, alamat, dia chi, adresa, morada, domicilio,
        domicile, lakcim, osoite, adress, gatuadress, διεύθυνση, адрес, адреса, العنوان, כתובת, पता, ที่อยู่,
        adressenavn, bostedsadresse, standardadresse, direccion de envio, direccion fiscal, adresse postale,
        adresse de livraison, wohnadresse, lieferadresse, rechnungsadresse, woonadres, adres zamieszkania,
        adres do korespondencji, trvale bydliste, bydliste, ev adresi, teslimat adresi, 收货地址, 家庭住址,
        详细地址, ご住所, 住所1, 住所2, 배송지, street 1, street 2, street1, street2, address line 3, flat number,
        apartment number, door number, husnummer, huisnummer, numero civico, cislo popisne
    """),
}
CLASSES = SECRETS | PERSONAL
"""By class. Of two that fit alike the first is it."""

SUSPICIOUS = _listed("""
    key, auth, authentication, credential, cred, secret, signature, sig, hmac, salt, seed, sid, session, login,
    ticket,
    webhook, assertion, private, access, pat
""")
"""What may be a secret where its value looks like one."""
CALLED = _listed("""
    mobile, cell, handy, whatsapp, contact, contact info, kontakt, call, caller, callee, sms, hotline, recipient
""")
"""What may be a number to call where it looks like one."""
PLACES = _listed("address, adresse, addr, adres, residence, location, destination, origin")
"""What may be where somebody lives where it looks like that."""
PEOPLE = _listed("full name")
"""What may be somebody's where it looks like a name: repositories and modules have full names, too."""
ROLES = _listed("""
    applicant, assignee, author, authors, owner, reporter, creator, requester, requestor, approver, reviewer,
    sender, passenger, guest, patient, doctor, physician, practitioner, tenant, insured, policyholder,
    beneficiary, payee, payer, debtor, creditor, buyer, employee, attendee, participant, driver, traveler,
    traveller, witness, guardian, spouse, signatory, signer, attn, attention, person, person name, client name,
    display name, author name, owner name, creator name, contact person, cliente, cliente nome, titular, paciente,
    patiente, mieter, patientin, versicherter, name on account, created by, updated by, modified by, approved by,
    signed by, requested by, reported by, submitted by, handled by, assigned to, nome, nom, nombre, naam, namn,
    navn, nimi, nev, jmeno, nume, ad, imie, isim
""")
"""Whose value may be somebody's name where it looks like one in full."""

UNCOUNTED = frozenset({"token"})
"""Without a plural: `max_tokens`, `total_tokens` are numbers."""
ENDINGS = ("password", "passwd", "passphrase", "pass", "pwd", "token", "secret", "apikey", "number", "email", "address")

ABOUT = frozenset(
    _listed("""
        type, types, kind, count, counts, counter, length, len, size, at, time, timestamp, ts, date, expires, expire,
        expired, expiry, expiration, exp, ttl, age, lifetime, duration, interval, timeout, delay, verified, verify,
        verification, enabled, disabled, required, requires, optional, status, state, valid, invalid, validity,
        policy,
        policies, hint, hints, url, urls, uri, uris, endpoint, endpoints, link, links, format, formats, label, labels,
        version, versions, limit, limits, quota, usage, used, uses, created, updated, changed, modified, rotated,
        rotation, issued, last, strength, algorithm, alg, method, methods, provider, providers, template, templates,
        field, fields, placeholder, min, max, minimum, maximum, index, idx, position, name, names, id, ids,
        description, desc, title, scheme, scope, scopes, source, issuer, audience, brand, network, country, locale,
        lang, language, region, zone, regex, pattern, rule, rules, schema, model, class, category, error, errors,
        message, messages, reset, attempts, retries, failures, preference, preferences, opt, optin, optout,
        subscribed,
        domain, domains, host, hostname, port, path, paths, file, files, filename, dir, directory, cost, price, rate,
        budget, window, bucket, match, matches, mismatch, exists, present, supported, allowed, visible, visibility,
        hidden, available, availability, unique, localities, locality, seconds, secs, minutes, millis, retry,
        confirmed, sent, delivered, bounced, notifications, notification, alerts, frequency, fingerprint, thumbprint,
        check, checks, result, arn, month, year, bin, prefix, manager, store, service, server, generator, validator,
        validation, extension, carrier, header, param, parameter, parameters, office,
        offices, ref, refs, selector, strategy
    """)
)
"""Behind a word: what is said is about the thing, and is not it."""
ASKING = frozenset(
    _listed("""
        is, has, have, had, max, min, num, total, count, require, requires, required, enable, enabled, disable,
        disabled, allow, allows, allowed, show, hide, support, supports, supported, use, uses, using, can, should,
        must, no, not, without, avg, remaining, need, needs, forgot, forget, ask, prompt, verify, validate, check,
        change, label, labels, placeholder
    """)
)
"""In front of all: what is said is whether, or how many."""
OTHERWISE = _listed("""
    page token, next token, continuation token, sync token, cursor token, cancel token, cancellation token, stop
    token, start token, bos token, eos token, pad token, unk token, mask token, sep token, cls token, special token,
    token classification, token ring, token symbol, token amount, token balance, token supply, token decimals, token
    pair, fungible token, native token, reward token, per token, design token, boarding pass, by pass, pass through,
    low pass, high pass, band pass, render pass, season pass, first pass, second pass, com pass, encom pass, over
    pass, sur pass, tres pass, under pass, sub pass, multi pass, single pass, one pass, ski pass, public key, secret
    santa, i phone, head phone, micro phone, phone book, mobile app, mobile web, mobile device, cookie consent, cookie
    banner, cookie notice, cookies accepted, map pin, gpio pin, sort code order, zip archive, street view, street
    light, authorization server, ip address, mac address, server address, bind address, listen address, remote
    address, local address, peer address, wallet address, contract address, memory address, base address, web address,
    host address, source address, network address, virtual address, socket address, broadcast address, sort key, cache
    key, foreign key, partition key, object key, row key, key press, idempotency key, message sid, sms sid, call sid,
    conversation sid, service sid, map key, group key, translation key, message key, shortcut key, hot key, websocket
    key, public access, access control, access level, access mode, last access, session name, auth flow, auth mode
""")
"""Longer sequences that mean something else than what they contain."""
