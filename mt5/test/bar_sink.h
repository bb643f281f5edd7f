/**
 * The daemon's side of POST /bars within the program: keeps every minute that was sent to it.
 */
#pragma once
#include "scenario.h"

struct BarSink {
  /** Close, or -1 for an empty minute, by symbol and UTC second. */
  std::map<std::string, std::map<long, double>> taken;
  std::map<std::string, long> last;
  int conflicts = 0;
  std::string boot = "B1";
  /** Number of coming requests that get no answer. */
  int away = 0;

  static std::string field(const std::string &text, const std::string &name) {
    size_t at = text.find("\"" + name + "\":");
    if (at == std::string::npos) return "";
    at += name.size() + 3;
    if (text[at] == '"') at++;
    return text.substr(at, text.find_first_of(",}\"", at) - at);
  }
  static std::string iso(long second) {
    time_t moment = second;
    tm parts;
    gmtime_r(&moment, &parts);
    char text[40];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    return text;
  }
  std::pair<int, std::string> answer(const std::string &method, const std::string &body) {
    if (away > 0) return away--, std::make_pair(-1, std::string());
    if (method == "GET") {
      std::string bars;
      for (auto &one : last) bars += (bars.empty() ? "\"" : ",\"") + one.first + "\":\"" + iso(one.second) + "\"";
      return {200, "{\"boot_id\":\"" + boot + "\",\"last_bars\":{" + bars + "}}"};
    }
    for (size_t at = 0; (at = body.find('{', at)) != std::string::npos; at++) {
      std::string line = body.substr(at, body.find('}', at) - at + 1), symbol = field(line, "symbol");
      long second = atol(field(line, "time").c_str()) / 1000;
      double close = line.find("\"empty\":true") != std::string::npos ? -1 : atof(field(line, "close").c_str());
      auto before = taken[symbol].find(second);
      if (before != taken[symbol].end() && before->second != close) conflicts++;
      taken[symbol].insert({second, close});
      last[symbol] = std::max(last[symbol], second);
    }
    return {200, "{}"};
  }
};

static BarSink sink;
static void takeBars() {
  sink = BarSink();
  terminal().http = [](const std::string &method, const std::string &, const std::string &body) { return sink.answer(method, body); };
  settings.barsUrl = "http://127.0.0.1:7400";
  settings.historyBars = 30;
  settings.dst = MH_DST_NONE;
}
/** Puts a bar of a minute into the terminal's chart. */
static void putBar(const char *symbol, long utcSecond, double close) {
  MqlRates bar = {};
  bar.time = (datetime)(utcSecond + terminal().serverOffsetSeconds);
  bar.open = 1;
  bar.close = close;
  bar.high = std::max(1.0, close);
  bar.low = std::min(1.0, close);
  bar.tick_volume = 100;
  terminal().symbols[std::string(symbol) + ".m"].rates.push_back(bar);
}
/** Bars of [from, to) that were received with other values, or as empty minutes although there is a bar. */
static int wrongBars(const char *symbol, long from, long to) {
  int wrong = 0;
  for (const MqlRates &bar : terminal().symbols[std::string(symbol) + ".m"].rates) {
    long second = (long)bar.time - terminal().serverOffsetSeconds;
    if (second < from || second >= to) continue;
    auto found = sink.taken[symbol].find(second);
    if (found == sink.taken[symbol].end() || std::fabs(found->second - bar.close) > 1e-9) wrong++;
  }
  return wrong;
}
