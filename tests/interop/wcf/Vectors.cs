// SPDX-License-Identifier: MIT
// `wcf vectors`: what WCF's encoder writes, one line each: name, kind, the bytes, the same as text.
// A `document` has WCF's static dictionary alone; a `session` envelope begins with its string table
// and goes on from the session envelope before it.
using System.Reflection;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Text;
using System.Xml;

namespace Nns.Interop.Wcf;

internal static class Vectors
{
    private const string Long = "every octet counts. ";

    private static readonly IXmlDictionary Words = (IXmlDictionary)typeof(ChannelFactory).Assembly
        .GetType("System.ServiceModel.ServiceModelDictionary", throwOnError: true)!
        .GetField("Version1", BindingFlags.Static | BindingFlags.Public)!.GetValue(null)!;

    private static readonly XmlDictionary Names = new(); // of the service's contract

    private static XmlDictionaryString Named(string value) => Names.Add(value);

    private static XmlDictionaryString Word(string value) =>
        Words.TryLookup(value, out XmlDictionaryString? word) ? word : throw new ArgumentException(value);

    /// <summary>The strings in the order of their identifiers.</summary>
    public static int PrintDictionary()
    {
        for (int i = 0; Words.TryLookup(i, out XmlDictionaryString? word); i++)
            Console.WriteLine(word.Value);
        return 0;
    }

    public static int Print()
    {
        Elements();
        Attributes();
        Values();
        Arrays();
        Envelopes();
        return 0;
    }

    private static void Elements()
    {
        Document("element", w => w.WriteElementString("a", ""));
        Document("elements within elements", w =>
        {
            w.WriteStartElement("outer");
            w.WriteElementString("p", "inner", "urn:p", "one");
            w.WriteStartElement("inner");
            w.WriteString("two ");
            w.WriteElementString("mixed", "x");
            w.WriteString(" three");
            w.WriteEndElement();
            w.WriteEndElement();
        });
        Document("a long prefix", w => w.WriteElementString("prefix", "name", "urn:p", "text"));
        Document("dictionary elements", w =>
        {
            w.WriteStartElement(Word("Envelope"), Word("http://www.w3.org/2003/05/soap-envelope"));
            w.WriteStartElement("long", Word("Header"), Word("http://www.w3.org/2005/08/addressing"));
            w.WriteEndElement();
            w.WriteEndElement();
        });
        foreach (char letter in "amz")
        {
            Document($"prefix {letter}", w =>
            {
                w.WriteStartElement($"{letter}", "plain", "urn:plain");
                w.WriteStartElement($"{letter}", Word("Body"), Word("http://www.w3.org/2003/05/soap-envelope"));
                w.WriteAttributeString($"{letter}", "attribute", "http://www.w3.org/2003/05/soap-envelope", "value");
                w.WriteAttributeString($"{letter}", Word("mustUnderstand"), Word("http://www.w3.org/2003/05/soap-envelope"), "1");
                w.WriteEndElement();
                w.WriteEndElement();
            });
        }
        Document("comment", w =>
        {
            w.WriteStartElement("a");
            w.WriteComment(" a comment ");
            w.WriteEndElement();
        });
        Document("escapes", w =>
        {
            w.WriteStartElement("a");
            w.WriteAttributeString("quoted", "<\"&'>");
            w.WriteString("<&>\"' \u00e9 \u20ac \U0001f512 ]]>");
            w.WriteEndElement();
        });
    }

    private static void Attributes()
    {
        Document("attributes", w =>
        {
            w.WriteStartElement("a");
            w.WriteAttributeString("plain", "value");
            w.WriteAttributeString("prefix", "long", "urn:long", "value");
            w.WriteAttributeString("other", Word("Action"), Word("http://www.w3.org/2005/08/addressing"), "");
            w.WriteAttributeString(Word("type"), null, "true");
            w.WriteAttributeString("xml", "lang", null, "en");
            w.WriteEndElement();
        });
        Document("namespaces", w =>
        {
            w.WriteStartElement("a", "urn:default");
            w.WriteXmlnsAttribute("b", "urn:b");
            w.WriteXmlnsAttribute("long", "urn:long");
            w.WriteXmlnsAttribute("s", Word("http://www.w3.org/2003/05/soap-envelope"));
            w.WriteXmlnsAttribute("soap", Word("http://www.w3.org/2003/05/soap-envelope"));
            w.WriteStartElement("c", Word("http://www.w3.org/2005/08/addressing").Value);
            w.WriteEndElement();
            w.WriteStartElement("", Word("To"), Word("http://www.w3.org/2005/08/addressing"));
            w.WriteEndElement();
            w.WriteEndElement();
        });
        Document("typed attributes", w =>
        {
            w.WriteStartElement("a");
            Attribute(w, "int", () => w.WriteValue(-70000));
            Attribute(w, "double", () => w.WriteValue(0.25));
            Attribute(w, "time", () => w.WriteValue(new DateTime(2026, 11, 23, 12, 0, 0, DateTimeKind.Utc)));
            Attribute(w, "list", () => w.WriteValue(new[] { 1, 300, -5 }));
            Attribute(w, "word", () => w.WriteString(Word("Envelope")));
            Attribute(w, "bytes", () => w.WriteBase64([1, 2, 3, 4], 0, 4));
            w.WriteEndElement();
        });
    }

    private static void Attribute(XmlDictionaryWriter w, string name, Action write)
    {
        w.WriteStartAttribute(name);
        write();
        w.WriteEndAttribute();
    }

    private static void Values()
    {
        Value("bool", true, false);
        Value("integers", 0, 1, 2, -1, 127, -128, 128, short.MaxValue, short.MinValue, 32768, int.MaxValue, int.MinValue);
        Value("longs", 0L, 1L << 31, long.MaxValue, long.MinValue);
        Value("unsigned", 0UL, ulong.MaxValue);
        Value("floats", 0f, 1f, 1.5f, -0.1f, 16777216f, 1e7f, 123456789f, 1e-5f, 1e8f, 1e9f, 1.25e10f, float.MaxValue, float.Epsilon, float.NaN,
            float.PositiveInfinity, float.NegativeInfinity);
        Value("doubles", 0.1, 1.0 / 3, -2.5, 1e16, 1e17, 123456789012345678.0, 1e-5, 0.0001, 1e100, double.MaxValue, double.Epsilon,
            double.NaN, double.PositiveInfinity, double.NegativeInfinity);
        Value("decimals", 1.50m, -0.0001m, decimal.MaxValue, decimal.MinValue, 0.00m, 79228162514264337593543950335e-28m);
        Value("times", new DateTime(2026, 11, 23, 12, 34, 56, 789), new DateTime(2026, 11, 23, 0, 0, 0, DateTimeKind.Utc),
            new DateTime(1, 1, 1), new DateTime(2000, 2, 29, 23, 59, 59, DateTimeKind.Utc).AddTicks(1),
            new DateTime(1900, 3, 1), DateTime.MaxValue);
        Value("spans", TimeSpan.Zero, TimeSpan.FromSeconds(61.5), -TimeSpan.FromHours(30), new TimeSpan(1), TimeSpan.MaxValue,
            TimeSpan.MinValue);
        Value("identifiers", new Guid("00112233-4455-6677-8899-aabbccddeeff"),
            new UniqueId(new Guid("00112233-4455-6677-8899-aabbccddeeff")), new UniqueId("urn:other"));
        Value("strings", "", "0", "1", "x", string.Concat(Enumerable.Repeat(Long, 15)));
        foreach (int size in new[] { 0, 1, 2, 3, 4, 300 })
        {
            byte[] bytes = [.. Enumerable.Range(0, size).Select(i => (byte)(i * 7))];
            Document($"{size} bytes", w =>
            {
                w.WriteStartElement("v");
                w.WriteBase64(bytes, 0, bytes.Length);
                w.WriteEndElement();
            });
        }
        Document("words", w =>
        {
            w.WriteStartElement("a");
            w.WriteString(Word("http://www.w3.org/2005/08/addressing/anonymous"));
            w.WriteStartElement("q", "type", "http://www.w3.org/2003/05/soap-envelope");
            w.WriteQualifiedName(Word("Detail"), Word("http://www.w3.org/2003/05/soap-envelope"));
            w.WriteEndElement();
            w.WriteEndElement();
        });
    }

    private static void Value(string name, params object[] values) => Document(name, w =>
    {
        w.WriteStartElement("values");
        foreach (object value in values)
        {
            w.WriteStartElement("v");
            w.WriteValue(value);
            w.WriteEndElement();
        }
        w.WriteEndElement();
    });

    private static void Arrays()
    {
        Document("arrays", w =>
        {
            w.WriteStartElement("a");
            w.WriteArray("b", "item", "urn:b", [true, false, true], 0, 3);
            w.WriteArray(null, "item", "", new short[] { 1, -1, 300 }, 0, 3);
            w.WriteArray(null, "item", "", new[] { 1, -1, 300000 }, 0, 3);
            w.WriteArray(null, "item", "", new[] { 1L, long.MinValue }, 0, 2);
            w.WriteArray(null, "item", "", new[] { 1.5f, 2f }, 0, 2);
            w.WriteArray(null, Word("Action"), Word(""), new[] { 1.5, 2 }, 0, 2);
            w.WriteArray(null, "item", "", new[] { 1.5m, 2m }, 0, 2);
            w.WriteArray(null, "item", "", new[] { DateTime.UnixEpoch }, 0, 1);
            w.WriteArray(null, "item", "", new[] { new Guid("00112233-4455-6677-8899-aabbccddeeff") }, 0, 1);
            w.WriteArray(null, "item", "", new[] { TimeSpan.FromDays(1), TimeSpan.Zero }, 0, 2);
            w.WriteElementString("after", "x");
            w.WriteEndElement();
        });
    }

    private static void Envelopes()
    {
        MessageEncoder encoder = new BinaryMessageEncodingBindingElement().CreateMessageEncoderFactory().CreateSessionEncoder();

        for (int call = 1; call <= 2; call++)
        {
            Envelope(encoder, $"call {call}", Call("hello"));
            Envelope(encoder, $"answer {call}", Message.CreateMessage(MessageVersion.Soap12WSAddressing10, "http://tempuri.org/IEcho/SayResponse",
                new Body(w => w.WriteElementString(Named("SayResponse"), Named("http://tempuri.org/"), "hello"))));
        }
        Envelope(encoder, "fault", Message.CreateMessage(MessageVersion.Soap12WSAddressing10, "urn:fault", new Body(Fault)));
    }

    private static void Fault(XmlDictionaryWriter w)
    {
        XmlDictionaryString soap = Word("http://www.w3.org/2003/05/soap-envelope");

        w.WriteStartElement(Word("Fault"), soap);
        w.WriteStartElement(Word("Code"), soap);
        w.WriteStartElement(Word("Value"), soap);
        w.WriteQualifiedName(Word("Detail"), soap);
        w.WriteEndElement();
        w.WriteEndElement();
        w.WriteStartElement(Word("Reason"), soap);
        w.WriteElementString(Word("Text"), soap, "no & no");
        w.WriteEndElement();
        w.WriteEndElement();
    }

    private static Message Call(string text)
    {
        Message message = Message.CreateMessage(MessageVersion.Soap12WSAddressing10, "http://tempuri.org/IEcho/Say",
            new Body(w =>
            {
                w.WriteStartElement(Named("Say"), Named("http://tempuri.org/"));
                w.WriteElementString(Named("text"), Named("http://tempuri.org/"), text);
                w.WriteEndElement();
            }));
        message.Headers.MessageId = new UniqueId(new Guid("00112233-4455-6677-8899-aabbccddeeff"));
        message.Headers.ReplyTo = new EndpointAddress(EndpointAddress.AnonymousUri);
        message.Headers.To = new Uri("net.tcp://localhost:8523/echo");
        return message;
    }

    private sealed class Body(Action<XmlDictionaryWriter> write) : BodyWriter(isBuffered: true)
    {
        protected override void OnWriteBodyContents(XmlDictionaryWriter writer) => write(writer);
    }

    private static void Envelope(MessageEncoder encoder, string name, Message message)
    {
        MessageBuffer copies = message.CreateBufferedCopy(1 << 16);
        ArraySegment<byte> bytes = encoder.WriteMessage(
            copies.CreateMessage(), 1 << 16, BufferManager.CreateBufferManager(0, 0));
        Line(name, "session", bytes, Text(writer => copies.CreateMessage().WriteMessage(writer)));
    }

    private static void Document(string name, Action<XmlDictionaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (XmlDictionaryWriter writer = XmlDictionaryWriter.CreateBinaryWriter(stream, Words))
            write(writer);
        Line(name, "document", stream.ToArray(), Text(write));
    }

    private static string Text(Action<XmlDictionaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (XmlDictionaryWriter writer = XmlDictionaryWriter.CreateTextWriter(stream))
            write(writer);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Other than ASCII as character references.</summary>
    private static void Line(string name, string kind, ReadOnlySpan<byte> bytes, string text)
    {
        var ascii = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes())
            _ = rune.IsAscii ? ascii.Append(rune) : ascii.Append($"&#x{rune.Value:X};");
        Console.WriteLine($"{name}\t{kind}\t{Convert.ToHexStringLower(bytes)}\t{ascii}");
    }
}
