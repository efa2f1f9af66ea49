"""What each kind of object in a CycloneDX BOM may hold: one table for JSON and XML, versions 1.2 to 1.7.

A kind is a line of members. After a member's name: `!` it must be there; `:kind` it is an object; `*kind` it is
a list of objects, `*` a list of texts; `=words` it is one of these words, `*=words` a list of them; `@` it is a
time. Nothing more: any value. XML wraps a list in an element of the list's name; `+` instead of `*` says that
XML repeats the element itself. The union of all versions: a member that only a later version has is let pass.

Source: the CycloneDX specification, https://cyclonedx.org/specification/overview/, sections of the JSON and
XML references.
"""

import re
from dataclasses import dataclass

WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "scope": "required optional excluded",
        "patch": "unofficial monkey backport cherry-pick",
        "issue": "defect enhancement security",
        "flow": "inbound outbound bi-directional unknown",
        "encoding": "base64",
        "acknowledgement": "declared concluded",
        "phase": "design pre-build build post-build operations discovery decommission",
        "tlp": "CLEAR GREEN AMBER AMBER_AND_STRICT RED",
        "reference": "vcs issue-tracker website advisories bom mailing-list social chat documentation support"
        " source-distribution distribution distribution-intake license build-meta build-system release-notes"
        " security-contact model-card log configuration evidence formulation attestation threat-model"
        " adversary-model risk-assessment vulnerability-assertion exploitability-statement pentest-report"
        " static-analysis-report dynamic-analysis-report runtime-analysis-report component-analysis-report"
        " maturity-report certification-report codified-infrastructure quality-metrics poam"
        " electronic-signature digital-signature rfc-9116 patent patent-family patent-assertion citation other",
        "aggregate": "complete incomplete incomplete_first_party_only incomplete_first_party_proprietary_only"
        " incomplete_first_party_opensource_only incomplete_third_party_only"
        " incomplete_third_party_proprietary_only incomplete_third_party_opensource_only unknown not_specified",
        "severity": "critical high medium low info none unknown",
        "method": "CVSSv2 CVSSv3 CVSSv31 CVSSv4 OWASP SSVC other",
        "state": "resolved resolved_with_pedigree exploitable in_triage false_positive not_affected",
        "justification": "code_not_present code_not_reachable requires_configuration requires_dependency"
        " requires_environment protected_by_compiler protected_at_runtime protected_at_perimeter"
        " protected_by_mitigating_control",
        "response": "can_not_fix will_not_fix update rollback workaround_available",
        "status": "affected unaffected unknown",
        "field": "group name version purl cpe omniborId swhid swid hash",
        "technique": "source-code-analysis binary-analysis manifest-analysis ast-fingerprint hash-comparison"
        " instrumentation dynamic-analysis filename attestation other",
        "data": "source-code configuration dataset definition other",
        "approach": "supervised unsupervised reinforcement-learning semi-supervised self-supervised",
        "activity": "design data-collection data-preparation training fine-tuning validation deployment"
        " inference other",
        "energy": "coal oil natural-gas nuclear wind solar geothermal hydropower biofuel unknown other",
        "kwh": "kWh",
        "tco2": "tCO2eq",
        "access": "read-only read-write read-write-once write-once write-only",
        "volume": "filesystem block",
        "trigger": "manual api webhook scheduled",
        "output": "artifact attestation log evidence metrics other",
        "task": "copy clone lint scan merge build test deliver deploy release clean other",
        "terms": "academic appliance client-access concurrent-user core-points custom-metric device evaluation"
        " named-user node-locked oem perpetual processor-points subscription user other",
        "asset": "algorithm certificate protocol related-crypto-material",
        "assertion": "ownership license third-party-claim standards-inclusion prior-art exclusive-rights"
        " non-assertion research-or-evaluation",
        "patent": "pending granted revoked expired lapsed withdrawn abandoned suspended reinstated opposed"
        " terminated invalidated in-force",
    }.items()
}

_KINDS = {
    "bom": "$schema bomFormat specVersion serialNumber version metadata:metadata components*component"
    " services*service externalReferences*reference dependencies*dependency compositions*composition"
    " vulnerabilities*vulnerability annotations*annotation formulation*formula declarations:declarations"
    " definitions:definitions citations*citation properties*property signature",
    "metadata": "timestamp@ lifecycles*lifecycle tools:tools manufacturer:entity authors*contact"
    " component:component manufacture:entity supplier:entity licenses:licenses properties*property"
    " distributionConstraints:distribution",
    "distribution": "tlp=tlp",
    "lifecycle": "phase=phase name description",
    "tools": "components*component services*service",
    "tools-before-1.5": "tools*tool",
    "tool": "vendor name version hashes*hash externalReferences*reference",
    "entity": "bom-ref name address:address url+ contact+contact",
    "address": "bom-ref country region locality postOfficeBoxNumber postalCode streetAddress",
    "contact": "bom-ref name email phone",
    "component": "type! mime-type bom-ref supplier:entity manufacturer:entity authors*contact author publisher"
    " group name version versionRange isExternal description scope=scope hashes*hash licenses:licenses"
    " copyright patentAssertions*patent-assertion cpe purl omniborId+ swhid+ swid:swid modified"
    " pedigree:pedigree externalReferences*reference components*component evidence:evidence"
    " releaseNotes:release-notes modelCard:model-card data+component-data cryptoProperties:crypto"
    " properties*property tags* signature",
    "crypto": "assetType!=asset algorithmProperties certificateProperties relatedCryptoMaterialProperties"
    " protocolProperties oid",
    "swid": "tagId! name! version tagVersion patch text:attachment url",
    "attachment": "contentType encoding=encoding content!",
    "hash": "alg! content!",
    "license": "bom-ref id name acknowledgement=acknowledgement text:attachment url licensing:licensing"
    " properties*property",
    "licensing": "altIds* licensor:party licensee:party purchaser:party purchaseOrder licenseTypes*=terms"
    " lastRenewal@ expiration@",
    "party": "organization:entity individual:contact",
    "pedigree": "ancestors*component descendants*component variants*component commits*commit patches*patch notes",
    "commit": "uid url author:action committer:action message",
    "action": "timestamp@ name email",
    "patch": "type!=patch diff:diff resolves*issue",
    "diff": "text:attachment url",
    "issue": "type!=issue id name description source:source references*",
    "source": "name url",
    "reference": "url! comment type!=reference hashes*hash properties*property",
    "dependency": "ref! dependsOn* provides*",
    "service": "bom-ref provider:entity group name! version description endpoints* authenticated"
    " x-trust-boundary trustZone data*service-data licenses:licenses patentAssertions*patent-assertion"
    " externalReferences*reference services*service releaseNotes:release-notes properties*property tags*"
    " signature",
    "service-data": "flow!=flow classification! name description governance:governance source* destination*",
    "governance": "custodians*responsible stewards*responsible owners*responsible",
    "responsible": "organization:entity contact:contact individual:contact",
    "evidence": "identity+identity occurrences*occurrence callstack:callstack licenses:licenses"
    " copyright*copyright",
    "identity": "field!=field confidence concludedValue methods*evidence-method tools*",
    "evidence-method": "technique!=technique confidence! value",
    "occurrence": "bom-ref location! line offset symbol additionalContext",
    "callstack": "frames*frame",
    "frame": "package module! function parameters* line column fullFilename",
    "copyright": "text!",
    "composition": "bom-ref aggregate!=aggregate assemblies* dependencies* vulnerabilities* signature",
    "property": "name! value",
    "release-notes": "type! title featuredImage socialImage description timestamp@ aliases* tags* resolves*issue"
    " notes*note properties*property",
    "note": "locale text!:attachment",
    "vulnerability": "bom-ref id source:source references*vulnerability-reference ratings*rating cwes*"
    " description detail recommendation workaround proofOfConcept:proof advisories*advisory created@"
    " published@ updated@ rejected@ credits:credits tools:tools analysis:analysis affects*affect"
    " properties*property",
    "vulnerability-reference": "id! source!:source",
    "rating": "source:source score severity=severity method=method vector justification",
    "proof": "reproductionSteps environment supportingMaterial*attachment",
    "advisory": "title url!",
    "credits": "organizations*entity individuals*contact",
    "analysis": "state=state justification=justification response*=response detail firstIssued@ lastUpdated@",
    "affect": "ref! versions*affected-version",
    "affected-version": "version range status=status",
    "annotation": "bom-ref subjects!* annotator!:annotator timestamp!@ text! signature",
    "annotator": "organization:entity individual:contact component:component service:service",
    "model-card": "bom-ref modelParameters:model-parameters quantitativeAnalysis:quantitative"
    " considerations:considerations properties*property",
    "model-parameters": "approach:approach task architectureFamily modelArchitecture datasets*dataset"
    " inputs*model-format outputs*model-format",
    "approach": "type=approach",
    "dataset": "bom-ref type=data name contents:contents classification sensitiveData* graphics:graphics"
    " description governance:governance ref",
    "component-data": "bom-ref type!=data name contents:contents classification sensitiveData+ graphics:graphics"
    " description governance:governance",
    "contents": "attachment:attachment url properties*property",
    "model-format": "format",
    "graphics": "description collection*graphic",
    "graphic": "name image:attachment",
    "quantitative": "performanceMetrics*metric graphics:graphics",
    "metric": "type value slice confidenceInterval:interval",
    "interval": "lowerBound upperBound",
    "considerations": "users* useCases* technicalLimitations* performanceTradeoffs* ethicalConsiderations*risk"
    " environmentalConsiderations:environmental fairnessAssessments*fairness",
    "risk": "name mitigationStrategy",
    "fairness": "groupAtRisk benefits harms mitigationStrategy",
    "environmental": "energyConsumptions*consumption properties*property",
    "consumption": "activity!=activity energyProviders!+provider activityEnergyCost!:kwh co2CostEquivalent:co2"
    " co2CostOffset:co2 properties*property",
    "kwh": "value! unit!=kwh",
    "co2": "value! unit!=tco2",
    "provider": "bom-ref description organization!:entity energySource!=energy energyProvided!:kwh"
    " externalReferences*reference",
    "formula": "bom-ref components*component services*service workflows*workflow properties*property",
    "workflow": "bom-ref! uid! name description resourceReferences*resource tasks*task"
    " taskDependencies*dependency taskTypes!*=task trigger:trigger steps*step inputs*input outputs*output"
    " timeStart@ timeEnd@ workspaces*workspace runtimeTopology*dependency properties*property",
    "task": "bom-ref! uid! name description resourceReferences*resource taskTypes!*=task trigger:trigger"
    " steps*step inputs*input outputs*output timeStart@ timeEnd@ workspaces*workspace"
    " runtimeTopology*dependency properties*property",
    "step": "name description commands*command properties*property",
    "command": "executed properties*property",
    "workspace": "bom-ref! uid! name aliases* description resourceReferences*resource accessMode=access mountPath"
    " managedDataType volumeRequest volume:volume properties*property",
    "volume": "uid name mode=volume path sizeAllocated persistent remote properties*property",
    "trigger": "bom-ref! uid! name description resourceReferences*resource type!=trigger event:event"
    " conditions*condition timeActivated@ inputs*input outputs*output properties*property",
    "event": "uid description timeReceived@ data:attachment source:resource target:resource properties*property",
    "input": "source:resource target:resource resource:resource parameters*parameter environmentVars"
    " data:attachment properties*property",
    "output": "type=output source:resource target:resource resource:resource data:attachment environmentVars"
    " properties*property",
    "resource": "ref externalReference:reference",
    "condition": "description expression properties*property",
    "parameter": "name value dataType",
    "declarations": "assessors*assessor attestations*attestation claims*claim evidence*claim-evidence"
    " targets:targets affirmation:affirmation signature",
    "assessor": "bom-ref thirdParty organization:entity",
    "attestation": "summary assessor map+map signature",
    "map": "requirement claims* counterClaims* conformance:conformance confidence:conformance",
    "conformance": "score rationale mitigationStrategies*",
    "claim": "bom-ref target predicate mitigationStrategies* reasoning evidence+ counterEvidence+"
    " externalReferences*reference signature",
    "claim-evidence": "bom-ref propertyName description data+evidence-data created@ expires@ author:contact"
    " reviewer:contact signature",
    "evidence-data": "name contents:contents classification sensitiveData+ governance:governance",
    "targets": "organizations*entity components*component services*service",
    "affirmation": "statement signatories*signatory signature",
    "signatory": "name role signature organization:entity externalReference:reference",
    "definitions": "standards*standard patents*patent",
    "standard": "bom-ref name version description owner requirements*requirement levels*level"
    " externalReferences*reference signature",
    "requirement": "bom-ref identifier title text descriptions* openCre+ parent properties*property"
    " externalReferences*reference",
    "level": "bom-ref identifier title description requirements*",
    "patent-assertion": "bom-ref assertionType!=assertion patentRefs* asserter! notes",
    "patent": "bom-ref patentNumber applicationNumber jurisdiction priorityApplication:priority"
    " publicationNumber title abstract filingDate grantDate patentExpirationDate patentLegalStatus=patent"
    " patentAssignee* externalReferences*reference familyId members*",
    "priority": "applicationNumber! jurisdiction! filingDate!",
    "citation": "bom-ref pointers* expressions* timestamp!@ attributedTo process note signature",
}

# Exactly one of these members. `annotation` text and the licences have rules of their own.
ONE_OF: dict[str, tuple[str, ...]] = {
    "lifecycle": ("phase", "name"),
    "license": ("id", "name"),
    "party": ("organization", "individual"),
    "affected-version": ("version", "range"),
    "annotator": ("organization", "individual", "component", "service"),
    "resource": ("ref", "externalReference"),
    "input": ("resource", "parameters", "environmentVars", "data"),
    "output": ("resource", "environmentVars", "data"),
    "citation": ("pointers", "expressions"),
    "patent": ("patentNumber", "familyId"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a kind. `many` is "" for one, "*" for a list, "+" for a list whose element XML repeats."""

    name: str
    required: bool
    many: str
    kind: str
    words: str
    time: bool


_TOKEN = re.compile(
    r"(?P<name>[$A-Za-z0-9-]+)(?P<must>!?)(?P<many>[*+]?)(?P<mark>[:=@]?)(?P<what>[a-z0-9-]*)"
)


def _member(text: str) -> Member:
    found = _TOKEN.fullmatch(text)
    assert found is not None, text
    words = found["what"] if found["mark"] == "=" else ""
    return Member(
        found["name"],
        bool(found["must"]),
        found["many"],
        "" if words else found["what"],
        words,
        found["mark"] == "@",
    )


SHAPES: dict[str, dict[str, Member]] = {
    kind: {m.name: m for m in map(_member, line.split())} for kind, line in _KINDS.items()
}
REQUIRED = {kind: tuple(m.name for m in shape.values() if m.required) for kind, shape in SHAPES.items()}

# Members that name another element of the same BOM by its bom-ref, or of another BOM by a BOM-Link.
LINKS = frozenset(
    (kind, name)
    for kind, names in {
        "affect": "ref",
        "annotation": "subjects",
        "attestation": "assessor",
        "citation": "attributedTo process",
        "claim": "target mitigationStrategies evidence counterEvidence",
        "composition": "assemblies dependencies vulnerabilities",
        "conformance": "mitigationStrategies",
        "identity": "tools",
        "level": "requirements",
        "map": "requirement claims counterClaims",
        "patent-assertion": "patentRefs",
        "requirement": "parent",
        "resource": "ref",
    }.items()
    for name in names.split()
)

# Members without a kind that are no text in JSON: what they are. In XML everything is text.
_KINDS_OF: tuple[tuple[tuple[type, ...], str, str], ...] = (
    (
        (bool,),
        "true or false",
        "assessor:thirdParty component:modified service:authenticated service:x-trust-boundary swid:patch"
        " volume:persistent volume:remote",
    ),
    (
        (int, float),
        "a number",
        "co2:value conformance:score evidence-method:confidence frame:line frame:column identity:confidence"
        " kwh:value occurrence:line occurrence:offset rating:score swid:tagVersion vulnerability:cwes",
    ),
    (
        (str, int, float, bool, dict, list),
        "a value",
        "input:environmentVars output:environmentVars patent-assertion:asserter patent:patentAssignee"
        " crypto:algorithmProperties crypto:certificateProperties crypto:protocolProperties"
        " crypto:relatedCryptoMaterialProperties "
        + " ".join(f"{kind}:signature" for kind, shape in SHAPES.items() if "signature" in shape),
    ),
)
NOT_TEXT: dict[tuple[str, str], tuple[tuple[type, ...], str]] = {
    (word.partition(":")[0], word.partition(":")[2]): (types, said)
    for types, said, words in _KINDS_OF
    for word in words.split()
}
