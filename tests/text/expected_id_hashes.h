// Token counts and SHA-256 of the ids (compact JSON array) of the 37 evaluation cases, in the plain
// mode and in the mode chat_raw. Published values.
#pragma once

#include <cstddef>

namespace trinity::testing {

struct ExpectedIdHashes {
  const char* id;
  std::size_t plain_tokens;
  const char* plain_sha256;
  std::size_t chat_tokens;
  const char* chat_sha256;
};

inline constexpr ExpectedIdHashes expected_id_hashes[] = {
    {"math_direct", 15, "8639d3c63757e30cc0c790016e5361f436bb1ca835db98191dbc81be21091618", 25,
     "2107d3c8460c1856a9d5e23556c6bdfbdfaebd9d23244da53cdb125c5f069505"},
    {"math_proof", 26, "450e549fb72e1780eba41d3d124823d7bb19c5ec92926f6ad5c91029ec3116cb", 36,
     "52dce1df8e7b46087935d336d1d684601a5733cefa821453e766948684003ff7"},
    {"code_debug", 23, "3a24e0576dec89f1632e0efff27d2c28670d09f16f11521b282223fa4a0404bb", 33,
     "d8577db306161471d2e358e3c818c0fd1a0125dcb4114861175f71f29e752feb"},
    {"security_review", 24, "0d062cc826c9ece5dd293af7d549395e443001609b5623f98c1d0bafcdcc41f3", 34,
     "f9ec9681ac69bf9e36aa6e5b8d1eab48df86ccb5ac14fb9d0fc1ec1617940bf2"},
    {"planning", 22, "777f04bebdce94e62ef27ef3681c1724fd19f03c7f2b71b574ac296f9632e804", 32,
     "7f3fe89ee5122901ca5db8b354373a1316b95b5020f27a352e656561c7ce264b"},
    {"verification_after_worker", 28,
     "495ea5a27b0d81d5917b2f07521d83caedbbb6114974ebbe8fd9ab0959b206d1", 45,
     "184afb255f8d17639de9e6404bf9a96876ef05d8ccf6b383f769998590a3de32"},
    {"needs_revision", 38, "5694fe1041e2247d3fa88bf9c8c1328cc74b85439bccc52eeb0c36a78b11a119", 55,
     "2eb25e55bb47dad72b06913b461151134f4ae52d6984755cc6ba2d674f4d92fb"},
    {"ambiguous_decomposition", 25,
     "b2a36a2aca38a1aed0eae7944988d9df61e5821a9695e47a0d3b4d5161cd755c", 35,
     "075701317a254ca44895d58175c26c50cc026b691644b682291aef5b4d95a7f0"},
    {"creative_but_constrained", 23,
     "6676dd6f793088203a4c657dd7acf05cac789658d1164fbe35b330df7dabc978", 33,
     "38fef85cc0ace05ca8f0a19eb4c3df01aad831e9297dd8f7f215cdbba8bdd38c"},
    {"longer_context", 62, "be52d7a13ac339e4816ded4a5ce065175d6b0ca5f268691e96cf9dcbdd96822f", 75,
     "aadab3b214efdf57cc9cd024e29f9b9d8cf211b1eb90d7c9a7672dcee22dd09e"},
    {"provider_failure_triage", 33,
     "accfbb938f7ac0e5fd9a6300697179e2634b83b83a7d5c775c31dcc199b4dfe7", 43,
     "a43b940c0417cbaa69db6c11f70e3fc65bd19d0a255e327d5a1afc3326ee828c"},
    {"final_answer_check", 41, "013972ec8032933408e2a980709592192fedd0844906585b9179c9c87c409a9c",
     62, "4b8a36870948c834c61f6f7e6b7221bfb90d76bf6f1f39f48916038595f842f4"},
    {"latex_math", 16, "075d0a8d89299aacf509ac98190ec9eddbd1c7c28ebfa81a80776eb6e4d152ca", 26,
     "8a0897e69efb2b987fbf76b4f0426337becbc5c67fc689b04636fd0b54fea856"},
    {"sql_query", 25, "dff8481b5884ea15719b6d2ff319402ee4abf74e3511fb98966d729e2bdcc129", 35,
     "96813825b4323ccfce1a6872cfb2da56b8fca121e0351a9d11f7b17659764c02"},
    {"haskell_types", 22, "ac9e9cc9b7b64a95e5285cd1e8d6244df84ccdf18ac1ed0cd4447a12908f7b6b", 33,
     "aa006040d50117bc33d7bfff7c7432c98ff578207d691f451b753f42f5f232ad"},
    {"distributed_systems", 27, "89d1b3e27da2132424d16d20ef1acff076c6e69e0b08f5ab54eb80b80cfe6592",
     37, "cabc22a1209daa4b70bc4f8911a8e0e384bed4ae47997b17383b6964f0a543bc"},
    {"performance_question", 38, "0d17c1a4f9993e32feb97b88ae07ccd23b807160fda6fc329a7c2ae6afd0923c",
     48, "cc1fcf4282d46ab67a3d4f3906a89b5281385dc672e900f250f5e188d8a7206d"},
    {"customer_apology", 37, "4e4c14ec7b808a4f008646ce4df27ac8ae5cd52b0727ce39e1e74b0c8555f531", 47,
     "68374e885849d2a7ab42a61596e4db758f5b7b4ef2e7f61e2430631211ec3c08"},
    {"product_decision", 32, "2325ee2f9a2dc5866fa90ab9830c1edea127abe94b11e45f54c9810a938aa9dc", 42,
     "01778aad860ca186631a0eeb9f3e5f66a610220a407393d6b6366b8ca4cf076a"},
    {"empty_response", 31, "1acfd530fba04f05f0e9829b3fb301f026c1e20218e4d36dfe410003973a07db", 41,
     "eb71772aeae03e2f0966e03ac964ea561d965e5115d1a48a7cc6cad8bf88d385"},
    {"verify_simple", 32, "d598a7f2bb9d4ea62ac10d5c4ee85352b183dda7ece329180b92dc3a9d79690c", 49,
     "41bfebcfe6b4b4aee14863a67bcdbf33a8d357f8108feb1954d716a3b6ec1aff"},
    {"thinker_breakdown", 21, "30f2478ee98ec61e8a351663181092d1eea6b392a38260f1fcb0fb61ac93c020",
     31, "f114729406b34fbed97690a3216c1c8b62143bc1c14c13eec0416a72ec7ca981"},
    {"refactor_smell", 26, "f79433c42ede26b46675f38da4dd07571c0149e4923ffb867a3dfe9a09fefb65", 36,
     "faff0df1c2f158abdd596f7b568acbba41944a6cd679cbc2391cb9b4a758a3bb"},
    {"unicode_normalization", 22,
     "62b451e2acd668ff06b65acdfcbd13f4887c9ee134561420a38666ab8136cc75", 32,
     "0f917b8e9ac604c997bacb93b71aa454b3181759fda82d3fe8b5c59c9fd777fc"},
    {"contradiction", 38, "440c8f608667284006cf1846d42eea1ee6a50ac16ba5cad32f47a9a0dd505f7c", 55,
     "bea1620220d53c6389606281c5c1fcf6b882b6f6c952c755b368ba65aaefbe1e"},
    {"hypothesis_design", 31, "16058d7d7f0cb437b060c0b8e7b4185cc1de0b1a10f1b74e21c7c9884a510fba",
     41, "d7ad56f8113c4ec670df8efeb1bb561b345c6041ede165de45ada816a1517eda"},
    {"escalate_to_human", 15, "85bf35f40823697d516eb66966434944cd0da6d1b738fbbc21df5fb1dfad4743",
     25, "32dd0dbec5a0ef4d873d8725c4e6a466183e66f322ba2a550db02e75ff40782f"},
    {"long_system_prompt", 65, "8720f007e6692c229c75643d9b91c9361e9864dc3ff02488714003ada1e893f9",
     78, "2bfc9b6f4fc4e8d4d42912f586d364e0217e1f8d49b3cf6861b5a1c5f1b8b6e7"},
    {"two_assistant_turns", 40, "c7d573bfdf90a8b96e3d7be92d2208300cc1d0a369fae4696d31006fc3449caf",
     60, "ede41732743847e8fac60786c1fbbf02b3719adfcae10918d6d3b8c2555bd6a8"},
    {"unicode_emoji", 20, "c19c713440770de4000ea7d0d1a8cd1683fd411f826baaaa9ebbb5e70338b8ff", 30,
     "8990b10b2b677ff5c3c44243d6d1bece247707fcb50a39e354ad40301ca5e95f"},
    {"creative_request", 23, "482b311a78151f95ec97207eca0d4bbaa271ab69f35c567cc3452366c7576264", 33,
     "6d056028354e4b797009cb13945906486cf4052eb9e9b64ee57bca8b7fc6a1b4"},
    {"empty_user", 3, "c9aec7a916bfad24cb2835faffd7473a900884530a9c9ac0632dfefc009c19b8", 13,
     "b7f26cbf69c04c8ebcd03c6e3ba91f5a38c35855c3d968bba3ca0aa7644265b3"},
    {"strategic_tradeoff", 20, "4e0b3c4317d146fa5ee73885a3d793639ba1a9a93901a7a830692a018f79d42d",
     30, "7630bc5bc524bf3bd2f44fec1dc077609983f75e57528f7903b3c2cfe1961718"},
    {"root_cause", 24, "bd098cd1eabecf993b896e70f934efef8f1552e4617d1914c21026df539d2a2b", 34,
     "62a70506a4f833526ce1a7e119cd4d1f69e8f2a26cbdfd78788c995228d1b6ba"},
    {"architectural_decision", 37,
     "fa57da4f20b2b067bee073807d06de04070f84d2b6ce916ae5b0eb46354d46a9", 47,
     "698ad3a95d991025606b3a8e8f30e207dbc1fb85c9feab06b6cd6b53fbad3988"},
    {"risk_assessment", 26, "e23b69e4abeceb759319dc73291178f95fd44891bfe81245968c62696740f427", 37,
     "39e53c7559e98dffda79968eed4a6122b6df490a4aa10e5897aea7c638d0b5f5"},
    {"design_critique", 28, "819a43da261e05cd7859373c068e3d8d8f40954d48ea562fdfdece71c6ee56ca", 38,
     "15173b39e84cd0ceb500aa887e4a1329e312b6eb6fb86639b29b7b982e4c55f7"},
};

}  // namespace trinity::testing
